/** Equality by content of plain values (objects, arrays, scalars, dates). */

/**
 * Whether two plain values say the same. A property that is undefined equals an absent one, so that what went through
 * JSON equals what did not; the order of properties does not matter.
 */
export const sameContent = (a: unknown, b: unknown): boolean => {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b)
  if (Array.isArray(a)) return Array.isArray(b) && sameItems(a, b)
  if (a instanceof Date || b instanceof Date)
    return a instanceof Date && b instanceof Date && a.getTime() === b.getTime()
  return !Array.isArray(b) && sameFields(a as Fields, b as Fields)
}

type Fields = Record<string, unknown>

const sameItems = (a: readonly unknown[], b: readonly unknown[]): boolean => {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) if (!sameContent(a[index], b[index])) return false
  return true
}

const sameFields = (a: Fields, b: Fields): boolean => {
  for (const key in a) if (!sameContent(a[key], own(b, key))) return false
  for (const key in b) if (b[key] !== undefined && own(a, key) === undefined) return false
  return true
}

/** A label may be called `constructor`, so what an object inherits must not count. */
const own = (object: Fields, key: string): unknown => (Object.hasOwn(object, key) ? object[key] : undefined)

/** `next`, or `previous` itself where it says the same: keeps identity, which is the cache key downstream. */
export const keep = <T>(previous: T | undefined, next: T): T =>
  previous !== undefined && sameContent(previous, next) ? previous : next
