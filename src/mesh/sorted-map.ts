/** A persistent map ordered by key: a new version shares all but one chunk with the old one. */

interface Chunk<V> {
  readonly keys: readonly string[]
  readonly values: readonly V[]
}

/** Large enough that the spine stays short (160 chunks for 10,000 keys), small enough that copying one is nothing. */
const CHUNK = 64
/** From this many changes on, merging two sorted lists is cheaper than copying a chunk for each. */
const BULK = 256

/** First index in the sorted `keys` that is not below `key`. */
const lowerBound = (count: number, keyAt: (index: number) => string, key: string): number => {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (keyAt(middle) < key) low = middle + 1
    else high = middle
  }
  return low
}

const chunkOf = (chunks: readonly Chunk<unknown>[], key: string): number =>
  lowerBound(chunks.length, (i) => chunks[i]!.keys.at(-1)!, key)

const split = <V>(keys: readonly string[], values: readonly V[]): Chunk<V>[] => {
  const chunks: Chunk<V>[] = []
  for (let at = 0; at < keys.length; at += CHUNK)
    chunks.push({ keys: keys.slice(at, at + CHUNK), values: values.slice(at, at + CHUNK) })
  return chunks
}

/**
 * Immutable, iterates in order of UTF-16 code units whatever the order of insertion; get, set and delete of one key
 * cost O(log n + chunk). Compare two of them through `new Map(it)`: equal content may be chunked differently.
 */
export class SortedMap<V> implements ReadonlyMap<string, V> {
  readonly chunks: readonly Chunk<V>[]
  readonly size: number

  private constructor(chunks: readonly Chunk<V>[], size: number) {
    this.chunks = chunks
    this.size = size
  }

  static empty<V>(): SortedMap<V> {
    return new SortedMap<V>([], 0)
  }

  get(key: string): V | undefined {
    const chunk = this.chunks[chunkOf(this.chunks, key)]
    if (chunk === undefined) return undefined
    const index = lowerBound(chunk.keys.length, (i) => chunk.keys[i]!, key)
    return chunk.keys[index] === key ? chunk.values[index] : undefined
  }

  has(key: string): boolean {
    return this.get(key) !== undefined
  }

  /** A new version; a value of `undefined` removes the key. */
  with(changes: ReadonlyMap<string, V | undefined>): SortedMap<V> {
    if (changes.size > BULK) return this.merged(changes)
    let chunks: Chunk<V>[] | undefined
    let size = this.size
    for (const [key, value] of changes) {
      const current = chunks ?? this.chunks
      // A key above all others goes into the last chunk.
      const at = Math.max(0, Math.min(chunkOf(current, key), current.length - 1))
      const next = replaceIn(current[at], key, value)
      if (next === undefined) continue
      chunks ??= [...this.chunks]
      chunks.splice(at, 1, ...next.chunks)
      size += next.grown
    }
    return chunks === undefined ? this : new SortedMap(chunks, size)
  }

  private merged(changes: ReadonlyMap<string, V | undefined>): SortedMap<V> {
    const incoming = [...changes].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    const keys: string[] = []
    const values: V[] = []
    let next = 0
    const takeBelow = (limit: string | undefined): void => {
      for (; next < incoming.length && (limit === undefined || incoming[next]![0] < limit); next++) {
        const [key, value] = incoming[next]!
        if (value === undefined) continue
        keys.push(key)
        values.push(value)
      }
    }
    for (const [key, value] of this) {
      takeBelow(key)
      const changed = incoming[next]?.[0] === key
      const kept = changed ? incoming[next++]![1] : value
      if (kept === undefined) continue
      keys.push(key)
      values.push(kept)
    }
    takeBelow(undefined)
    return new SortedMap(split(keys, values), keys.length)
  }

  forEach(visit: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this) visit(value, key, this)
  }

  *entries(): MapIterator<[string, V]> {
    for (const { keys, values } of this.chunks)
      for (let i = 0; i < keys.length; i++) yield [keys[i]!, values[i]!]
  }

  *keys(): MapIterator<string> {
    for (const { keys } of this.chunks) yield* keys
  }

  *values(): MapIterator<V> {
    for (const { values } of this.chunks) yield* values
  }

  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries()
  }
}

/** The chunk (none: an empty map) with one key set or removed; undefined where there is nothing to remove. */
const replaceIn = <V>(
  chunk: Chunk<V> | undefined,
  key: string,
  value: V | undefined,
): { readonly chunks: Chunk<V>[]; readonly grown: -1 | 0 | 1 } | undefined => {
  const { keys: oldKeys, values: oldValues } = chunk ?? { keys: [], values: [] }
  const at = lowerBound(oldKeys.length, (i) => oldKeys[i]!, key)
  const found = oldKeys[at] === key
  if (value === undefined) {
    if (!found) return undefined
    const keys = oldKeys.toSpliced(at, 1)
    return { chunks: keys.length === 0 ? [] : [{ keys, values: oldValues.toSpliced(at, 1) }], grown: -1 }
  }
  if (found) return { chunks: [{ keys: oldKeys, values: oldValues.with(at, value) }], grown: 0 }
  const keys = oldKeys.toSpliced(at, 0, key)
  const values = oldValues.toSpliced(at, 0, value)
  return { chunks: keys.length > CHUNK * 2 ? split(keys, values) : [{ keys, values }], grown: 1 }
}
