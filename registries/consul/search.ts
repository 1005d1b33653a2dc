/**
 * Which services the changes of the catalogue may concern that nothing names: Consul's list of services moves its index
 * with any instance, but says only names and tags. Looked for where it is likely first, in all services in the end.
 */
import type { Reads } from './reads.ts'
import type { WireSummary } from './wire.ts'

export interface Search {
  /** Some instances changed, after `since` and up to `index` of the catalogue. */
  begin(since: number, index: number, has: (name: string) => boolean): void
  /** This service was read, with this index; `changed`: it had another one. */
  read(name: string, index: number, changed: boolean): void
  /** The next step when nothing urgent is left: compare summaries, or wait (ms), or nothing. */
  step(now: number): 'summaries' | number | undefined
  /** The summaries have been compared, or could not be; they took so long, ms. */
  compared(took: number): void
  /** Something that changed may not have been read yet. */
  pending(): boolean
  clear(): void
}

/** Up to so many services all are read where those that changed last don't tell it; beyond it, summaries come first. */
const SMALL = 256
/** What summaries may cost the server: so many ms at once, and this share of the time under lasting churn. */
const SPREE = 10_000
const SHARE = 0.3
/** Services that changed last are the likeliest to change next. */
const HOT = 16

export function createSearch(reads: Reads, size: () => number): Search {
  const hot = new Set<string>()
  /** Indexes at which something changed since the search began, and which service it was. */
  const seen = new Map<number, string>()
  /** Two had one index: a transaction, of which more may not have been read. */
  let together = false
  let from = 0
  let sought = 0
  let summed = 0
  let comparing = false
  /** ms of the server's time that summaries may take, and since when. */
  let budget = SPREE
  let at = 0

  function end(): void {
    sought = 0
    seen.clear()
    together = false
    reads.fast(false)
  }

  /**
   * As many changes as Consul wrote anything at all, or no summary shows another: what else there may be (several services
   * written at once, ports and metadata only) is found when its turn comes.
   */
  function isFound(): boolean {
    if (!seen.has(sought)) return false
    return summed === sought || (!together && seen.size >= sought - from)
  }

  return {
    begin(since, index, has) {
      if (sought === 0) from = since
      sought = index
      reads.doubt()
      for (const name of hot)
        if (has(name)) reads.service(name)
        else hot.delete(name)
      reads.fast(false)
    },
    read(name, index, changed) {
      if (changed) {
        hot.delete(name)
        hot.add(name)
        if (hot.size > HOT) hot.delete(hot.values().next().value!)
      }
      if (sought === 0 || index <= from) return
      if (index > sought) return
      together ||= (seen.get(index) ?? name) !== name
      seen.set(index, name)
    },
    step(now) {
      if (sought === 0 || comparing || reads.urgencies()) return undefined
      if (!reads.inDoubt() || isFound()) {
        end()
        return undefined
      }
      if (size() <= SMALL || summed === sought) {
        reads.fast(true)
        return undefined
      }
      budget = Math.min(SPREE, budget + (now - at) * SHARE)
      at = now
      if (budget < 0) return Math.ceil(-budget / SHARE)
      comparing = true
      summed = sought
      return 'summaries'
    },
    compared(took) {
      comparing = false
      budget -= took
    },
    pending: () => comparing || (sought > 0 && reads.inDoubt()),
    clear() {
      hot.clear()
      end()
      summed = 0
    },
  }
}

/** Does a service have other instances than were read of it? Ports and metadata are not in a summary. */
export function differs(
  summary: WireSummary,
  known: { readonly count: number; readonly nodes: readonly string[] },
): boolean {
  if (summary.InstanceCount !== known.count) return true
  const now = new Set(summary.Nodes)
  return now.size !== known.nodes.length || known.nodes.some((node) => !now.has(node))
}
