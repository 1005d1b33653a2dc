/**
 * The names that a client subscribes to. Clients of one view name the same ones, so the list that they began with is
 * one set for all of them, and each keeps what differs from it.
 */
const nothing: ReadonlySet<string> = new Set()
const sets = new WeakMap<readonly string[], ReadonlySet<string>>()

/** The set of a list; the same list (see name-lists.ts) has the same set. */
function setOf(list: readonly string[]): ReadonlySet<string> {
  let set = sets.get(list)
  if (set === undefined) {
    set = new Set(list)
    sets.set(list, set)
  }
  return set
}

/** A Set<string> to those who use it. */
export class Names implements Iterable<string> {
  #shared: ReadonlySet<string>
  #own: Set<string> | undefined
  #without: Set<string> | undefined

  constructor(shared: ReadonlySet<string> = nothing) {
    this.#shared = shared
  }
  static of(list: readonly string[]): Names {
    return new Names(setOf(list))
  }

  /** The set that it still is, to all who began with the same list; undefined once it differs. */
  get shared(): ReadonlySet<string> | undefined {
    return this.#own?.size || this.#without?.size ? undefined : this.#shared
  }
  get size(): number {
    return this.#shared.size + (this.#own?.size ?? 0) - (this.#without?.size ?? 0)
  }
  has(name: string): boolean {
    if (this.#own?.has(name)) return true
    return this.#shared.has(name) && !this.#without?.has(name)
  }
  add(name: string): void {
    if (this.#without?.delete(name) || this.has(name)) return
    this.#own ??= new Set()
    this.#own.add(name)
  }
  /** Whether it was there. */
  delete(name: string): boolean {
    if (this.#own?.delete(name)) return true
    if (!this.has(name)) return false
    this.#without ??= new Set()
    this.#without.add(name)
    return true
  }
  *[Symbol.iterator](): IterableIterator<string> {
    for (const name of this.#shared) if (!this.#without?.has(name)) yield name
    if (this.#own) yield* this.#own
  }
}
