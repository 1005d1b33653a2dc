/** The contract of every configuration source. */
import type { Observable } from 'rxjs'
import type { ConfigUpdate } from '#model/config.ts'

export interface ConfigSource {
  /** Unique and stable, e.g. `files/config`. */
  readonly name: string
  readonly kind: string
  /** Cold per source but shared by its subscribers; the first `full` means "synced". Never errors or completes. */
  readonly updates: Observable<ConfigUpdate>
}
