/** What one client, and all of them, may take. */
export interface XdsLimits {
  /** Bytes of one request; a larger one ends its stream with RESOURCE_EXHAUSTED. */
  readonly maxRequestBytes: number
  /** Twice as many connections are taken. */
  readonly maxStreams: number
  /** Streams of one remote address. One Envoy without ADS opens one for each cluster's endpoints. */
  readonly maxStreamsPerPeer: number
  /** Names that one stream may subscribe to, over all types. */
  readonly maxNames: number
  /** Types that one stream may subscribe to. */
  readonly maxTypes: number
  /** A client that leaves a message unread for so long is cut off; until then its state merges. */
  readonly slowReaderMs: number
  /** A stream that sends no first request, or a connection that says nothing at all, is ended after it. */
  readonly firstRequestMs: number
  /** How often clients are told to report their load (LRS). */
  readonly loadReportMs: number
  /** What is kept of their reports: clusters, localities and metrics of all clients together. */
  readonly maxLoadEntries: number
  /** A client that polls less often has its resources made anew for each poll. */
  readonly pollMs: number
  /** HTTP/2 pings, which end half-open connections. */
  readonly keepaliveMs: number
  readonly keepaliveTimeoutMs: number
  /** A connection is ended in good order after so long, ±10 %, so that clients spread over the Pilots there are; 0 = never. */
  readonly maxConnectionAgeMs: number
}

export const defaultLimits: XdsLimits = {
  maxRequestBytes: 4 * 1024 * 1024,
  maxStreams: 20_000,
  maxStreamsPerPeer: 10_000,
  maxNames: 100_000,
  maxTypes: 32,
  slowReaderMs: 5 * 60_000,
  firstRequestMs: 30_000,
  loadReportMs: 10_000,
  maxLoadEntries: 500_000,
  pollMs: 30_000,
  keepaliveMs: 30_000,
  keepaliveTimeoutMs: 10_000,
  maxConnectionAgeMs: 30 * 60_000,
}
