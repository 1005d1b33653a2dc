/** Which changes of the registrations are known to have led to a reading, by Nomad's indexes. Pure. */

/**
 * The list's index moves with each change of any registration; the event stream says which service it was. Where the
 * stream has come as far as the list, what it named is enough; else all is read again.
 */
export interface Coverage {
  /** All changes up to this index have led to a reading. */
  readonly index: number
  /** Since `index`, the event stream has lost nothing. */
  readonly streaming: boolean
}

export const NOTHING: Coverage = { index: 0, streaming: false }

export type Verdict =
  /** Nothing that has not been named. */
  | 'covered'
  /** The stream will say it, at once if at all. */
  | 'wait'
  /** Read all. */
  | 'all'

/** The list has come, with its index. */
export function listed({ index, streaming }: Coverage, at: number): Verdict {
  if (at <= index) return 'covered'
  return streaming ? 'wait' : 'all'
}

/** An event, or a heartbeat (0); the services that it names are read. */
export const heard = (coverage: Coverage, at: number): Coverage =>
  coverage.streaming && at > coverage.index ? { ...coverage, index: at } : coverage

/** A list was asked for after the stream had begun: from its index on the stream has all. */
export const opened = (coverage: Coverage, at: number): Coverage => ({
  index: Math.max(coverage.index, at),
  streaming: true,
})

export const closed = (coverage: Coverage): Coverage => ({ ...coverage, streaming: false })

/** All that the list named at this index is being read. */
export const readAll = (coverage: Coverage, at: number): Coverage => ({
  ...coverage,
  index: Math.max(coverage.index, at),
})
