/** Durations as Istio and Go write them: `10s`, `1m30s`, `250ms`, `1.5h` (https://pkg.go.dev/time#ParseDuration). */

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/y

/** Milliseconds, or undefined where the text is no duration (a bare number other than `0`, a sign, an unknown unit). */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  if (text === '') return undefined
  let total = 0
  PART.lastIndex = 0
  while (PART.lastIndex < text.length) {
    const match = PART.exec(text)
    if (!match) return undefined
    total += Number(match[1]) * UNITS[match[2]!]!
  }
  return total
}
