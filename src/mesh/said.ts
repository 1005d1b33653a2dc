/** What each source has said so far. */
import type { ConfigObject, ConfigUpdate } from '#model/config.ts'
import type { Issue, Missing, PilotError } from '#model/issue.ts'
import type { SourceState } from '#model/mesh.ts'
import type { Service, Workload } from '#model/service.ts'
import type { RegistryUpdate } from '#registries/registry.ts'
import { type Book, emptyBook } from './book.ts'
import type { Calm, Hold } from './protect.ts'
import { SortedMap } from './sorted-map.ts'

/** What a source said last, as it is shown; the form in which it is kept on disk. */
export interface SaidContent {
  readonly services: SortedMap<Service>
  readonly workloads: SortedMap<Workload>
  readonly configs: SortedMap<ConfigObject>
  readonly issues: readonly Issue[]
}

/** Trouble of one service or workload, while its registry as such speaks. */
export interface OwnTrouble {
  readonly since: Date
  readonly error: PilotError
}

export interface Said extends SaidContent {
  readonly state: SourceState
  /** It has said `full` in this process. */
  readonly synced: boolean
  /** Where what is told and what is shown part (book.ts). */
  readonly books: { readonly services: Book<Service>; readonly workloads: Book<Workload> }
  readonly troubled: SortedMap<OwnTrouble>
  /** Workloads of the part that its last `full` could not ask. */
  readonly troubledWorkloads: SortedMap<OwnTrouble>
  /** Holds in force, oldest first. */
  readonly holds: readonly Hold[]
  readonly calm: Calm
  /** When old downs are forgotten next (ms since the epoch). */
  readonly forgetAt?: number
  /** When something is due next (ms since the epoch); undefined: nothing waits. */
  readonly wake?: number
  /** Content comes from disk, said at this time, and has not been confirmed. */
  readonly restored?: Date
  /** Why a part of its last `full` could not be asked. */
  readonly missing?: Missing
}

/** The last snapshot from disk; only for a source that has not spoken. */
export interface Restored {
  readonly kind: 'restored'
  readonly savedAt: Date
  readonly services: readonly Service[]
  readonly workloads: readonly Workload[]
  readonly configs: readonly ConfigObject[]
  readonly issues: readonly Issue[]
}

/** Time has passed: what is due takes effect. Says nothing about the source. */
export interface Tick {
  readonly kind: 'tick'
}

/** The operator accepts that what is held back is gone. */
export interface Accept {
  readonly kind: 'accept'
}

export type MergeEvent =
  | {
      readonly role: 'registry'
      readonly source: string
      readonly at: Date
      readonly update: RegistryUpdate | Restored | Tick | Accept
    }
  | {
      readonly role: 'config'
      readonly source: string
      readonly at: Date
      readonly update: ConfigUpdate | Restored | Tick | Accept
    }

export const emptyContent: SaidContent = {
  services: SortedMap.empty(),
  workloads: SortedMap.empty(),
  configs: SortedMap.empty(),
  issues: [],
}

export const neverSpoken = (source: Pick<SourceState, 'name' | 'kind' | 'role'>): Said => ({
  ...emptyContent,
  synced: false,
  books: { services: emptyBook(), workloads: emptyBook() },
  troubled: SortedMap.empty(),
  troubledWorkloads: SortedMap.empty(),
  holds: [],
  calm: { total: 0 },
  state: { name: source.name, kind: source.kind, role: source.role, state: 'connecting', issues: [] },
})

/** Services and workloads of which something is held back. */
export const heldCount = ({ books }: Said): number => books.services.held.size + books.workloads.held.size
