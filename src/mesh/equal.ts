/** Equality by content of plain values (objects, arrays, scalars, dates). */

/**
 * Whether two plain values say the same. A property that is undefined equals an absent one, so that what went through
 * JSON equals what did not; the order of properties does not matter.
 */
export const sameContent = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a)) return Array.isArray(b) && sameItems(a, b)
  if (a instanceof Date || b instanceof Date)
    return a instanceof Date && b instanceof Date && a.getTime() === b.getTime()
  return !Array.isArray(b) && sameFields(a as Record<string, unknown>, b as Record<string, unknown>)
}

const sameItems = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((item, index) => sameContent(item, b[index]))

const sameFields = (a: Record<string, unknown>, b: Record<string, unknown>): boolean => {
  for (const key of Object.keys(a)) if (!sameContent(a[key], own(b, key))) return false
  for (const key of Object.keys(b)) if (b[key] !== undefined && own(a, key) === undefined) return false
  return true
}

const own = (object: Record<string, unknown>, key: string): unknown =>
  Object.hasOwn(object, key) ? object[key] : undefined

/** `next`, or `previous` itself where it says the same: keeps identity, which is the cache key downstream. */
export const keep = <T>(previous: T | undefined, next: T): T =>
  previous !== undefined && sameContent(previous, next) ? previous : next
