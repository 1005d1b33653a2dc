/** `?limit=&offset=` of every list. */

export interface Page {
  readonly limit?: number
  readonly offset?: number
}

/** JSON Schema of the two parameters. */
export const pageSchema = {
  limit: {
    type: 'integer',
    minimum: 1,
    maximum: 1_000_000,
    description: 'At most so many items; default: all.',
  },
  offset: { type: 'integer', minimum: 0, description: 'Skip so many items; default 0.' },
} as const

/** The items of the page, taken lazily. */
export function* page<T>(
  items: Iterable<T>,
  { limit = Number.POSITIVE_INFINITY, offset = 0 }: Page,
): Iterable<T> {
  let index = 0
  for (const item of items) {
    if (index >= offset + limit) return
    if (index++ >= offset) yield item
  }
}
