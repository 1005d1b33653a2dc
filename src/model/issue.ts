/** Something wrong with what a user or a registry gave: shown in REST, the command line and `pilothouse check`. */
export interface Issue {
  readonly severity: 'error' | 'warning' | 'info'
  /** Stable, e.g. `PH1003`; every code is in config/issue-codes (title and remedy). */
  readonly code: string
  /** One sentence: what is wrong. */
  readonly message: string
  /** One sentence: what to do. */
  readonly remedy: string
  /** Place within the object, e.g. `spec.ports[0].number`. */
  readonly path?: string
  /** `file:line` (or `file:line:column`), or the registry's name. */
  readonly at?: string
  /** The object it is about, `Kind/namespace/name`. */
  readonly object?: string
}

/** An outage or an answer that was not understood, as a value. */
export interface PilotError {
  readonly code: string
  readonly message: string
  readonly remedy: string
}

/** Why something could not be asked, since when, and when it is tried again. */
export interface Missing {
  readonly error: PilotError
  readonly since: Date
  readonly retryAt?: Date
}
