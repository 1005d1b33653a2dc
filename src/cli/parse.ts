/** Values of options: from the string that stands on the command line, or a usage error that says how to write it. */
import { InvalidArgumentError } from 'commander'

/** For options that may be given more than once. */
export const collect = (value: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  value,
]

/** `k=v`, repeatable. */
export function collectLabel(
  value: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const at = value.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Write it as KEY=VALUE.')
  return { ...before, [value.slice(0, at)]: value.slice(at + 1) }
}

/** 0 to 65535; what 0 means is said by the option. */
export function port(value: string): number {
  const number = Number(value)
  if (!/^\d{1,5}$/.test(value) || number > 65_535)
    throw new InvalidArgumentError('A port is a number from 0 to 65535.')
  return number
}

/** `HOST:PORT`, IPv6 in brackets. */
export function hostPort(value: string): string {
  const digits = /^(?:\[[0-9a-fA-F:.]+\]|[^:[\]\s]+):(\d{1,5})$/.exec(value)?.[1]
  if (digits === undefined || Number(digits) > 65_535)
    throw new InvalidArgumentError('Write it as HOST:PORT.')
  return value
}

/** One `HOST:PORT` or several, repeated or with commas; the first one given replaces the preset. */
export function collectHostPorts(
  preset: readonly string[],
): (value: string, before: readonly string[]) => string[] {
  return (value, before) => {
    const given = value.split(',').map((each) => hostPort(each.trim()))
    return before === preset ? given : [...before, ...given]
  }
}
