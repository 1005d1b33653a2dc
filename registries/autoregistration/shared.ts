/**
 * What is known together: each Pilot writes the workloads that are connected to it, and reads those of the others. Pure
 * bookkeeping; `store` does the writing.
 *
 * Whose proxy connected last owns a record. It renews it, and takes it away when the workload is gone; a Pilot that finds
 * its own record missing or overwritten by an older one writes it again. A record that nobody renews has lost its Pilot.
 */
import { type Workload, workloadKey } from '#model/service.ts'
import { sameContent } from '#support/equal.ts'
import type { StoredRecord } from './record.ts'

/** Where Pilots tell each other: a directory; anything that holds small objects will do. */
export interface Store {
  /** Creates or replaces. Never throws: it is tried again at the next renewal. */
  put(key: string, record: StoredRecord): void
  remove(key: string): void
}

/** How often a record is renewed, and when it has lost its Pilot, ms. */
export const RENEWAL = 300_000
const LOST = 3 * RENEWAL

export interface SharedWorkloads {
  /** All records that there are now. */
  read(records: ReadonlyMap<string, StoredRecord>, at: number): void
  /** Who is connected here, and all that are known here (in their grace too). */
  own(connected: readonly Workload[], known: readonly Workload[], at: number): void
  /** What proxies of this Pilot's last life have not come back by then is gone, ms. */
  returnBy(at: number): void
  /** Those of the others. */
  others(at: number): readonly Workload[]
  /** Time for `own` again, ms; undefined: nothing is due. */
  due(): number | undefined
}

export function createSharedWorkloads(controller: string, store: Store): SharedWorkloads {
  let records: ReadonlyMap<string, StoredRecord> = new Map()
  /** What this Pilot has written and still means. */
  const written = new Map<string, StoredRecord>()
  let returnBy = Number.POSITIVE_INFINITY

  function put(key: string, record: StoredRecord): void {
    written.set(key, record)
    store.put(key, record)
  }
  /** Is what is there better than what this Pilot would write? */
  const stands = (mine: StoredRecord, there: StoredRecord | undefined): boolean =>
    there !== undefined && (there.controller === controller || there.connectedAt >= mine.connectedAt)
  const isMine = (record: StoredRecord): boolean => record.controller === controller
  const endOf = (record: StoredRecord): number => (isMine(record) ? returnBy : record.renewedAt + LOST)

  return {
    read(next, at) {
      records = next
      for (const [key, mine] of written)
        if (!stands(mine, next.get(key))) put(key, { ...mine, renewedAt: at })
    },
    own(connected, known, at) {
      for (const workload of connected) {
        const key = workloadKey(workload)
        const before = written.get(key)
        const due = before === undefined || at - before.renewedAt >= RENEWAL
        if (!due && sameContent(before.workload, workload)) continue
        const record = { workload, controller, connectedAt: before?.connectedAt ?? at, renewedAt: at }
        const there = records.get(key)
        if (there && !isMine(there) && stands(record, there)) written.set(key, record)
        else put(key, record)
      }
      const present = new Set(known.map(workloadKey))
      for (const key of [...written.keys()]) {
        if (present.has(key)) continue
        written.delete(key)
        const there = records.get(key)
        if (!there || isMine(there)) store.remove(key)
      }
      for (const [key, record] of records) if (!present.has(key) && endOf(record) <= at) store.remove(key)
    },
    returnBy(at) {
      returnBy = at
    },
    others: (at) =>
      [...records].flatMap(([key, record]) =>
        !written.has(key) && endOf(record) > at ? [record.workload] : [],
      ),
    due() {
      const renewals = [...written.values()].map(({ renewedAt }) => renewedAt + RENEWAL)
      const ends = [...records].filter(([key]) => !written.has(key)).map(([, record]) => endOf(record))
      const first = Math.min(...renewals, ...ends)
      return first === Number.POSITIVE_INFINITY ? undefined : first
    },
  }
}
