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
