/**
 * Counts of the hot path: an addition each, where the library checks, copies and hashes the labels of each (8 µs for each
 * message to each proxy). They are read at the scrape.
 */

/** Counts by the value of one label. */
export interface Tally {
  add(of: string, count?: number): void
  entries(): Iterable<readonly [of: string, count: number]>
}

export function createTally(): Tally {
  const counts = new Map<string, number>()
  return {
    add: (of, count = 1) => void counts.set(of, (counts.get(of) ?? 0) + count),
    entries: () => counts.entries(),
  }
}

/** How values are distributed, by the value of one label ('' where there is none). */
export interface Distribution {
  observe(value: number, of?: string): void
  /** Of each label's value: how many are at or below each bound, the number of all, and their sum. */
  entries(): Iterable<readonly [of: string, Distributed]>
}
export interface Distributed {
  readonly atMost: readonly (readonly [bound: number, count: number])[]
  readonly count: number
  readonly sum: number
}

/** `bounds` grow. Those `of` which nothing was observed yet are there with 0. */
export function createDistribution(bounds: readonly number[], known: readonly string[] = []): Distribution {
  const nothing = () => ({ counts: Array<number>(bounds.length + 1).fill(0), sum: 0 })
  const all = new Map(known.map((of) => [of, nothing()]))
  return {
    observe(value, of = '') {
      let one = all.get(of)
      if (one === undefined) {
        one = nothing()
        all.set(of, one)
      }
      let i = 0
      while (i < bounds.length && value > bounds[i]!) i++
      one.counts[i]!++
      one.sum += value
    },
    *entries() {
      for (const [of, { counts, sum }] of all) {
        let count = 0
        const atMost = bounds.map((bound, i) => {
          count += counts[i]!
          return [bound, count] as const
        })
        yield [of, { atMost, count: count + counts[bounds.length]!, sum }]
      }
    },
  }
}
