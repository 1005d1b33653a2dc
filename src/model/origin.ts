/** Where a value came from, for "who made this?". */
export interface Origin {
  /** Name of the registry or configuration source, e.g. `file/services`, `consul/dc1`. */
  readonly source: string
  /** The object in the source's own terms, e.g. `ServiceEntry/default/orders`. */
  readonly object: string
  /** `path` or `path:line` where there is a file. */
  readonly at?: string
}
