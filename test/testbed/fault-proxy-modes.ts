/** What a fault proxy sees and how it may behave. */

/** Headers in lower case. */
export interface ProxiedRequest {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

export interface ProxiedAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

export type FaultMode =
  | 'pass'
  /** Nobody listens, and what was open is reset; of the whole port only. */
  | 'refuse'
  /** What is open is reset, what is new is reset when it is accepted (limited: when the request has come). */
  | 'cut'
  /** Accepts and says nothing more, on what is open as well. What fell into it stays silent for ever, also after `pass`. */
  | 'blackhole'
  | {
      readonly status: number
      readonly body?: string
      readonly headers?: Readonly<Record<string, string>>
    }
  /** 200, application/json, and no JSON. */
  | 'garbage'
  /** The content-length of the whole, half of the body, then the end. Waits for the whole: not for endless streams. */
  | 'truncate'
  /** Passes after so many ms. */
  | { readonly delay: number }
  /** The whole answer, changed. Waits for the whole: not for endless streams. */
  | { readonly rewrite: (request: ProxiedRequest, answer: ProxiedAnswer) => Partial<ProxiedAnswer> }
  /** Each line of a streamed answer, as it comes: changed, several, or none (undefined). */
  | { readonly lines: (request: ProxiedRequest, line: string) => string | readonly string[] | undefined }
