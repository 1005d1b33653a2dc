/** What the adapter needs of Nomad's HTTP API: given, so that a test answers in its place. */
import type { PilotError } from '#model/issue.ts'

export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>

export interface Ask {
  /** e.g. `/v1/services` */
  readonly path: string
  readonly query?: Query
  /** How long Nomad may hold the answer back for a change after `query.index`, ms. */
  readonly wait?: number
  readonly signal: AbortSignal
}

export type Answer =
  /** `index`: X-Nomad-Index, 0 where it was missing or no number. */
  | { readonly ok: true; readonly index: number; readonly body: unknown }
  | { readonly ok: false; readonly status?: number; readonly error: PilotError }

export interface NomadClient {
  /** Its address as it may be shown. */
  readonly place: string
  /** Never rejects. */
  get(ask: Ask): Promise<Answer>
  /** `/v1/event/stream`: each line as it comes. Resolves when it has ended, with why; never rejects. */
  stream(query: Query, hear: (line: string) => void, signal: AbortSignal): Promise<PilotError>
  close(): void
}
