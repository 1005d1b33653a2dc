/** How long things may take: given, so that a test need not wait. All in ms. */
import type { BackoffOptions } from '#support/backoff.ts'

export interface NomadTiming {
  /** A question may wait at the server for a change. */
  readonly wait: number
  /** Between failures. */
  readonly retry: BackoffOptions
  /** Between attempts to have the event stream. */
  readonly stream: BackoffOptions
  /**
   * The stream's silence that is taken for its end; Nomad's heartbeat is 30 s (10 s before 1.11). Nomad 1.11.2 leaves the
   * connection open when it ends a stream: of a token that was revoked, of a reader that was too slow.
   */
  readonly silence: number
  /** The stream may take so long to name what has moved the list's index. */
  readonly grace: number
  /** An index that went backwards is doubted so long: a server that has just restarted reads its log. */
  readonly doubt: number
  /** The first word waits so long for services and namespaces that fail while others speak. */
  readonly hold: number
}

export const TIMING: NomadTiming = {
  wait: 300_000,
  retry: { first: 250, last: 30_000 },
  stream: { first: 500, last: 60_000 },
  silence: 75_000,
  grace: 250,
  doubt: 3000,
  hold: 10_000,
}
