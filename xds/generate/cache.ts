/**
 * Caches keyed by the identity of model objects: an entry lives as long as the object it was made from, and can't be
 * wrong, since its inputs are immutable. The string key holds the few small inputs that come from elsewhere.
 */
export interface IdentityCache<Value> {
  get(identity: object, key: string, make: () => Value): Value
}

export function identityCache<Value>(): IdentityCache<Value> {
  const entries = new WeakMap<object, Map<string, { readonly value: Value }>>()
  return {
    get(identity, key, make) {
      let byKey = entries.get(identity)
      if (byKey === undefined) {
        byKey = new Map()
        entries.set(identity, byKey)
      }
      let entry = byKey.get(key)
      if (entry === undefined) {
        entry = { value: make() }
        byKey.set(key, entry)
      }
      return entry.value
    },
  }
}

export type RecentCache<Value> = (key: string, make: () => Value) => Value

/** Of answers to names that aren't there: about 10 MB. */
export const KEPT_ANSWERS = 10_000
/** No name of a host, a cluster or a route is as long; whoever sends such is not to fill the memory. */
const MAX_KEY = 1000

/** For keys that clients make up: the `size` that were used last are kept, and up to as many more. */
export function recentCache<Value extends object>(size: number): RecentCache<Value> {
  let recent = new Map<string, Value>()
  let before = recent
  return (key, make) => {
    if (key.length > MAX_KEY) return make()
    const known = recent.get(key)
    if (known !== undefined) return known
    const value = before.get(key) ?? make()
    if (recent.size >= size) {
      before = recent
      recent = new Map()
    }
    recent.set(key, value)
    return value
  }
}

/** The same over two objects: the entry dies with the first of them. */
export function pairCache<Value>(): (a: object, b: object, key: string, make: () => Value) => Value {
  const entries = new WeakMap<object, IdentityCache<Value>>()
  return (a, b, key, make) => {
    let cache = entries.get(a)
    if (cache === undefined) {
      cache = identityCache()
      entries.set(a, cache)
    }
    return cache.get(b, key, make)
  }
}
