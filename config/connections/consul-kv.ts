/** What a follower of Consul's KV tells: handed to the configuration source, which doesn't know how it is asked. */
import type { Observable } from 'rxjs'
import type { PilotError } from '#model/issue.ts'
import type { ConsulConnection } from './consul.ts'

export interface KvEntry {
  /** The whole key, without a leading slash. */
  readonly key: string
  readonly value: string
  /** Changes with every write of it. */
  readonly version: number
}

/** Never errors or completes. */
export type KvUpdate =
  /** All that is under the prefix. `newHistory`: Consul can't say what happened in between. */
  | { readonly kind: 'content'; readonly entries: readonly KvEntry[]; readonly newHistory: boolean }
  /** Nothing is known of what it is now; what it was still holds. */
  | { readonly kind: 'trouble'; readonly error: PilotError; readonly since: Date }

/** `datacenter`: '' is the agent's own. */
export type FollowKv = (
  connection: ConsulConnection,
  prefix: string,
  datacenter: string,
) => Observable<KvUpdate>
