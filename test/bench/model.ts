/**
 * What a fleet costs, from what small ones cost: each figure is a sum of parts in proportion to something that can be
 * counted. The parts are fitted to measurements (least squares), none of them below 0.
 */

export interface Fleet {
  readonly services: number
  readonly endpoints: number
  readonly proxies: number
  /** How many of the services a proxy sees. */
  readonly scope: number
}

export interface Measured {
  readonly fleet: Fleet
  /** s */
  readonly syncCpu: number
  /** MiB */
  readonly rss: number
  /** s */
  readonly changeCpu: number
}

export type Figure = 'syncCpu' | 'rss' | 'changeCpu'

/** What each figure grows with, beside a constant. */
const grows: Readonly<Record<Figure, readonly ((fleet: Fleet) => number)[]>> = {
  // What a proxy is sent, and the proxy itself.
  syncCpu: [({ proxies, scope }) => proxies * scope, ({ proxies }) => proxies],
  rss: [({ services, endpoints }) => services * endpoints, ({ proxies }) => proxies],
  changeCpu: [subscribers],
}

/** Proxies that see a service, on average. */
export function subscribers({ proxies, scope, services }: Fleet): number {
  return (proxies * scope) / services
}

export type Model = Readonly<Record<Figure, readonly number[]>>

export function fitModel(measured: readonly Measured[]): Model {
  const of = (figure: Figure) =>
    fit(
      measured.map(({ fleet }) => [1, ...grows[figure].map((each) => each(fleet))]),
      measured.map((each) => each[figure]),
    )
  return { syncCpu: of('syncCpu'), rss: of('rss'), changeCpu: of('changeCpu') }
}

export function predict(model: Model, figure: Figure, fleet: Fleet): number {
  const [constant = 0, ...parts] = model[figure]
  return grows[figure].reduce((sum, each, i) => sum + parts[i]! * each(fleet), constant)
}

/** Least squares of `rows` · x = `values`; a part that would be negative is left out. */
export function fit(rows: readonly (readonly number[])[], values: readonly number[]): number[] {
  const width = rows[0]!.length
  let used = Array.from({ length: width }, (_, i) => i)
  for (;;) {
    // Columns are brought to one size, so that large counts don't drown small ones.
    const size = used.map((i) => Math.max(...rows.map((row) => Math.abs(row[i]!))) || 1)
    const scaled = rows.map((row) => used.map((i, at) => row[i]! / size[at]!))
    const square = used.map((_, a) =>
      used.map((_, b) => scaled.reduce((sum, row) => sum + row[a]! * row[b]!, 0)),
    )
    const right = used.map((_, a) => scaled.reduce((sum, row, r) => sum + row[a]! * values[r]!, 0))
    const solved = solve(square, right).map((x, at) => x / size[at]!)
    const worst = solved.indexOf(Math.min(...solved))
    if (solved[worst]! >= 0 || used.length === 1) {
      const all: number[] = Array(width).fill(0)
      for (const [at, i] of used.entries()) all[i] = Math.max(0, solved[at]!)
      return all
    }
    used = used.filter((_, at) => at !== worst)
  }
}

/** Gauss with pivoting; a singular system gets 0 for what it does not say. */
function solve(square: readonly (readonly number[])[], right: readonly number[]): number[] {
  const n = right.length
  const rows = square.map((row, i) => [...row, right[i]!])
  for (let c = 0; c < n; c++) {
    const pivot = rows.findIndex(
      (row, r) =>
        r >= c && Math.abs(row[c]!) === Math.max(...rows.slice(c).map((each) => Math.abs(each[c]!))),
    )
    ;[rows[c], rows[pivot]] = [rows[pivot]!, rows[c]!]
    if (Math.abs(rows[c]![c]!) < 1e-12) continue
    for (let r = 0; r < n; r++) {
      if (r === c) continue
      const times = rows[r]![c]! / rows[c]![c]!
      for (let k = c; k <= n; k++) rows[r]![k]! -= times * rows[c]![k]!
    }
  }
  return rows.map((row, i) => (Math.abs(row[i]!) < 1e-12 ? 0 : row[n]! / row[i]!))
}
