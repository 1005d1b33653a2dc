/** Tables as istioctl and kubectl print them: no borders, columns as wide as their content, easy to grep and cut. */
import { stripVTControlCharacters, styleText } from 'node:util'
import Table from 'cli-table3'

const parts = [
  'top',
  'top-mid',
  'top-left',
  'top-right',
  'bottom',
  'bottom-mid',
  'bottom-left',
  'bottom-right',
  'left',
  'left-mid',
  'mid',
  'mid-mid',
  'right',
  'right-mid',
] as const

/** The library's time grows with the square of the rows: five thousand services would take seconds. */
const ROWS_AT_ONCE = 100

/** Lines of text without a newline at the end; an empty cell shows as `-`. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const filled = rows.map((row) => row.map((cell) => (cell === '' ? '-' : String(cell))))
  if (filled.length <= ROWS_AT_ONCE) return draw([head, ...filled])
  const widths = head.map((name, i) =>
    filled.reduce((most, row) => Math.max(most, width(row[i])), width(name)),
  )
  const lines = [head, ...filled]
  const pieces: string[] = []
  for (let i = 0; i < lines.length; i += ROWS_AT_ONCE)
    pieces.push(draw(lines.slice(i, i + ROWS_AT_ONCE), widths))
  return pieces.join('\n')
}

const width = (cell = ''): number => stripVTControlCharacters(cell).length

function draw(rows: readonly (readonly string[])[], colWidths: number[] = []): string {
  const drawn = new Table({
    colWidths,
    chars: { ...Object.fromEntries(parts.map((part) => [part, ''])), middle: '   ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
  })
  drawn.push(...rows.map((row) => [...row]))
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

/** Red, where colours are wanted. */
export const alarm = (text: string, colors: boolean | undefined): string =>
  colors ? styleText('red', text, { validateStream: false }) : text

/** `3m12s`, as kubectl writes ages. */
export function age(from: string | null | undefined, now: number): string {
  if (!from) return 'never'
  const seconds = Math.max(0, Math.floor((now - Date.parse(from)) / 1000))
  if (seconds < 120) return `${seconds}s`
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m${seconds % 60}s`
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h${Math.floor((seconds % 3600) / 60)}m`
  return `${Math.floor(seconds / 86_400)}d`
}
