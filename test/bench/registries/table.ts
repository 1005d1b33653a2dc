/** Rows as a Markdown table: one column for each field. */
export function table(rows: readonly object[]): string {
  const fields = Object.keys(rows[0] ?? {})
  const line = (cells: readonly unknown[]) => `| ${cells.map(String).join(' | ')} |`
  const cell = (row: object, field: string) => (row as Record<string, unknown>)[field] ?? ''
  return [
    line(fields),
    line(fields.map(() => '---')),
    ...rows.map((row) => line(fields.map((field) => cell(row, field)))),
  ].join('\n')
}

/** Nearest rank; one decimal. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)
  return Math.round((sorted[at] ?? Number.NaN) * 10) / 10
}
