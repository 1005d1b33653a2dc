/** Reads values out of a parsed settings file: each field with its place, its type and a remedy. Values, never throws. */
import type { Issue } from '#model/issue.ts'
import { parseDuration } from '#support/duration.ts'
import { issue } from './issue-codes.ts'
import { suggestion } from './suggest.ts'
import { formatPath, type Path } from './yaml.ts'

export interface Reader {
  /** Where a field came from: a line of a file, a flag, a variable. */
  at(path: Path, key?: boolean): string
  readonly issues: Issue[]
}

export type Fields = Readonly<Record<string, unknown>>

function wrong(reader: Reader, path: Path, message: string, hint: string): undefined {
  reader.issues.push(
    issue('PH1402', { message, path: formatPath(path), at: reader.at(path), params: { hint } }),
  )
  return undefined
}

/** A map whose fields are all known; absent is an empty one. */
export function readMap(reader: Reader, value: unknown, path: Path, known: readonly string[]): Fields {
  if (value === undefined || value === null) return {}
  const where = path.length ? formatPath(path) : 'the file'
  if (typeof value !== 'object' || Array.isArray(value))
    return (
      wrong(reader, path, `${where} must be a map of fields`, `Use the fields ${known.join(', ')}.`) ?? {}
    )
  for (const field of Object.keys(value)) {
    if (known.includes(field)) continue
    const at = [...path, field]
    const message = `${where} has no setting "${field}"`
    const params = { hint: suggestion(field, known) }
    reader.issues.push(issue('PH1401', { message, path: formatPath(at), at: reader.at(at, true), params }))
  }
  return value as Fields
}

export function readList(reader: Reader, value: unknown, path: Path): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value
  return wrong(reader, path, `${formatPath(path)} must be a list`, 'Write each entry after "- ".') ?? []
}

export function readText(reader: Reader, value: unknown, path: Path): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string' && value !== '') return value
  // The value itself may be a password.
  const hint = typeof value === 'string' ? 'Give it a value, or remove it.' : 'Put it in quotes.'
  return wrong(
    reader,
    path,
    `${formatPath(path)} must be text`,
    typeof value === 'object' ? 'Give it text.' : hint,
  )
}

export function readTexts(reader: Reader, value: unknown, path: Path): readonly string[] {
  return readList(reader, value, path).flatMap((item, i) => readText(reader, item, [...path, i]) ?? [])
}

export function readFlag(reader: Reader, value: unknown, path: Path): boolean | undefined {
  if (value === undefined || value === null || typeof value === 'boolean') return value ?? undefined
  return wrong(
    reader,
    path,
    `${formatPath(path)} must be true or false`,
    'Write true or false, without quotes.',
  )
}

export function readCount(reader: Reader, value: unknown, path: Path): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' && Number.isInteger(value) && value > 0) return value
  return wrong(
    reader,
    path,
    `${formatPath(path)} must be a whole number above 0`,
    'Write a number, such as 1000.',
  )
}

/** `50%`, or 0.5: 0 to 1. */
export function readShare(reader: Reader, value: unknown, path: Path): number | undefined {
  if (value === undefined || value === null) return undefined
  const percent = typeof value === 'string' ? /^(\d{1,3}(?:\.\d+)?)\s*%$/.exec(value)?.[1] : undefined
  const share = percent === undefined ? value : Number(percent) / 100
  if (typeof share === 'number' && share >= 0 && share <= 1) return share
  return wrong(
    reader,
    path,
    `${formatPath(path)} is no part of a whole: ${JSON.stringify(value)}`,
    'Write it as 50%.',
  )
}

/** `http(s)://HOST[:PORT][/PATH]`, as it was given. */
export function readUrl(
  reader: Reader,
  value: unknown,
  path: Path,
  schemes = ['http:', 'https:'],
): string | undefined {
  const text = readText(reader, value, path)
  if (text === undefined) return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && schemes.includes(url.protocol)) return text
  const known = schemes.map((scheme) => `${scheme}//…`).join(' or ')
  return wrong(
    reader,
    path,
    `${formatPath(path)} is no URL`,
    `Write it as ${known}, such as http://127.0.0.1:8500.`,
  )
}

/** A port, 1 to 65535. */
export function readPort(reader: Reader, value: unknown, path: Path): number | undefined {
  const port = readCount(reader, value, path)
  if (port === undefined || port <= 65_535) return port
  return wrong(reader, path, `${formatPath(path)} is ${port}`, 'A port is a number from 1 to 65535.')
}

/** For what no other reader of this file fits: one sentence what is wrong, one what to do. */
export const complain = (reader: Reader, path: Path, message: string, hint: string): undefined =>
  wrong(reader, path, message, hint)

export function readChoice<T extends string>(
  reader: Reader,
  value: unknown,
  path: Path,
  choices: readonly T[],
): T | undefined {
  const text = readText(reader, value, path)
  if (text === undefined || choices.includes(text as T)) return text as T | undefined
  return wrong(reader, path, `${formatPath(path)} is "${text}"`, suggestion(text, choices))
}

/** Milliseconds. */
export function readDuration(reader: Reader, value: unknown, path: Path): number | undefined {
  if (value === undefined || value === null) return undefined
  const ms = typeof value === 'string' ? parseDuration(value) : value === 0 ? 0 : undefined
  if (ms !== undefined) return ms
  const hint = typeof value === 'number' ? `Give it a unit: ${value}s.` : 'Write it as 10s, 1m30s or 250ms.'
  return wrong(reader, path, `${formatPath(path)} is no duration: ${JSON.stringify(value)}`, hint)
}

/** Milliseconds between two times of the same, at least 100. */
export function readInterval(reader: Reader, value: unknown, path: Path): number | undefined {
  const ms = readDuration(reader, value, path)
  if (ms === undefined || ms >= 100) return ms
  return wrong(reader, path, `${formatPath(path)} is less than 100ms`, 'Write it as 10s.')
}

/** `HOST:PORT` or `[IPv6]:PORT`; port 0 takes any free one. */
export function readAddress(reader: Reader, value: unknown, path: Path): string | undefined {
  const text = readText(reader, value, path)
  if (text === undefined) return undefined
  const match = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:[\]/]+):(\d{1,5})$/.exec(text)
  if (match && Number(match[1]) <= 65535) return text
  return wrong(
    reader,
    path,
    `${formatPath(path)} is "${text}"`,
    'Write it as HOST:PORT, such as 127.0.0.1:15010.',
  )
}

/** The field `path` of an entry; it must be there. */
export function readPath(reader: Reader, value: unknown, entry: Path): string | undefined {
  const path = [...entry, 'path']
  if (value === undefined || value === null)
    return wrong(reader, path, `${entry[0]} entry without a path`, 'Add path: DIRECTORY.')
  return readText(reader, value, path)
}

/** Only loopback is safe for what is neither encrypted nor authenticated. */
export function warnIfOpen(reader: Reader, address: string, path: Path): void {
  const host = address.slice(0, address.lastIndexOf(':'))
  if (/^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(host)) return
  const details = {
    message: `${path.join('.')} ${address} is open to other hosts, in plaintext and without authentication`,
  }
  reader.issues.push(issue('PH1408', { ...details, path: path.join('.'), at: reader.at(path) }))
}
