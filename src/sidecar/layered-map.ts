/**
 * An immutable map that is cheap to advance: a large base shared by many versions, and a small overlay of what changed
 * since. A new version costs about the square root of its size, not its size; an old version stays as it was.
 */
const gone = Symbol('gone')

export class LayeredMap<K, V> implements ReadonlyMap<K, V> {
  readonly size: number
  readonly #base: ReadonlyMap<K, V>
  readonly #overlay: ReadonlyMap<K, V | typeof gone>

  private constructor(base: ReadonlyMap<K, V>, overlay: ReadonlyMap<K, V | typeof gone>, size: number) {
    this.#base = base
    this.#overlay = overlay
    this.size = size
  }

  /** Takes the map as it is: the caller must not change it afterwards. */
  static from<K, V>(base: ReadonlyMap<K, V>): LayeredMap<K, V> {
    return new LayeredMap(base, new Map(), base.size)
  }

  /** A new version with these entries; `undefined` removes. The order of entries is not kept. */
  with(changes: ReadonlyMap<K, V | undefined>): LayeredMap<K, V> {
    const overlay = new Map(this.#overlay)
    let size = this.size
    for (const [key, value] of changes) {
      size += Number(value !== undefined) - Number(this.has(key))
      overlay.set(key, value === undefined ? gone : value)
    }
    const next = new LayeredMap(this.#base, overlay, size)
    return overlay.size > Math.max(32, 2 * Math.sqrt(size)) ? LayeredMap.from(new Map(next)) : next
  }

  get(key: K): V | undefined {
    const over = this.#overlay.get(key)
    return over === undefined ? this.#base.get(key) : over === gone ? undefined : over
  }

  has(key: K): boolean {
    const over = this.#overlay.get(key)
    return over === undefined ? this.#base.has(key) : over !== gone
  }

  *entries(): Generator<[K, V], undefined, unknown> {
    for (const [key, value] of this.#base) if (!this.#overlay.has(key)) yield [key, value]
    for (const [key, value] of this.#overlay) if (value !== gone) yield [key, value]
  }

  *keys(): Generator<K, undefined, unknown> {
    for (const [key] of this.entries()) yield key
  }

  *values(): Generator<V, undefined, unknown> {
    for (const [, value] of this.entries()) yield value
  }

  [Symbol.iterator](): Generator<[K, V], undefined, unknown> {
    return this.entries()
  }

  forEach(callback: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this.entries()) callback(value, key, this)
  }
}
