/** What a run of the benchmark prints: a line for each measurement, medians, and how Pilothouse stands to its peers. */

/** One measurement, or the median of several. */
export interface Row {
  readonly size: string
  readonly mode: string
  readonly server: string
  /** By name and unit. */
  readonly figures: Readonly<Record<string, number>>
}

export const line = ({ size, mode, server, figures }: Row): string =>
  [
    size.padEnd(12),
    mode.padEnd(6),
    server.padEnd(24),
    ...Object.entries(figures).map(([name, value]) => `${name} ${rounded(value)}`),
  ].join('  ')

const rounded = (value: number): string => (Math.abs(value) < 10 ? value.toFixed(2) : value.toFixed(0))

/** Of each server: the median of each figure. The rows are of one size and mode. */
export function medians(rows: readonly Row[]): Row[] {
  return [...Map.groupBy(rows, ({ server }) => server).values()].map((some) => {
    const first = some[0]!
    const figures = Object.keys(first.figures).map((name) => [
      name,
      median(some.map((row) => row.figures[name]!)),
    ])
    return { ...first, figures: Object.fromEntries(figures) }
  })
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Pilothouse's figures as parts of each peer's: below 1 is better than the peer. */
export function ratios(rows: readonly Row[]): string[] {
  const own = rows.filter(({ server }) => server.startsWith('pilothouse'))
  const peers = rows.filter(({ server }) => !server.startsWith('pilothouse'))
  return own.flatMap((row) =>
    peers.map((peer) => {
      const parts = Object.entries(row.figures)
        .filter(([name]) => name in peer.figures)
        .map(([name, value]) => `${name.split(',')[0]} ${(value / peer.figures[name]!).toFixed(2)}`)
      return `ratio   ${row.size}  ${row.mode}  ${row.server} to ${peer.server}  ${parts.join('  ')}`
    }),
  )
}
