/**
 * The immutable ResourceSet that everybody uses: a set with changes shares nearly all of itself with the set
 * before. Each type is a large table that many sets share and a small one of what differs from it; when the
 * small one outgrows the square root of the large one, both are written into a new large one. So a change
 * costs O(√n), a look-up two hash look-ups, and a thousand old sets held by slow clients cost little.
 */
import { hash } from 'node:crypto'
import type { Absence, Resource, ResourceSet, ResourceUpdate, TypeUrl } from './resources.ts'

/** What names a resource; a Resource is one. */
export type ResourceKey = Pick<Resource, 'typeUrl' | 'name'>

/** See ResourceSet.missing. */
export type Missing = (typeUrl: TypeUrl, name: string) => Resource | undefined

/** See ResourceSet.absence. */
export type WhyAbsent = (typeUrl: TypeUrl, name: string) => Absence | undefined

/** A set that can be changed by `withChanges`. */
export interface ChangeableResourceSet extends ResourceSet {
  readonly types: ReadonlyMap<TypeUrl, Table>
}

interface Table {
  readonly base: ReadonlyMap<string, Resource>
  /** What differs from the base; undefined = removed. */
  readonly overlay: ReadonlyMap<string, Resource | undefined>
  readonly size: number
  /** Sum of the members' hashes modulo 2^64: independent of order and history. */
  readonly sum: bigint
}

const noResources: ReadonlyMap<string, Resource> = new Map()
const emptyTable: Table = { base: noResources, overlay: new Map(), size: 0, sum: 0n }
const nothingMissing: Missing = () => undefined

/** The set of nothing, of which all sets are made. */
export const emptyResourceSet: ChangeableResourceSet = setOf(new Map(), nothingMissing)

/** The same resources with other answers to `missing` and `absence`. */
export function withMissing(
  set: ChangeableResourceSet,
  missing: Missing,
  absence?: WhyAbsent,
): ChangeableResourceSet {
  return setOf(set.types, missing, absence)
}

/**
 * The set after removals and upserts, in this order. Returns the very same set when nothing differs (an
 * upsert of the version that is there, a removal of what isn't).
 */
export function withChanges(
  set: ChangeableResourceSet,
  upserts: Iterable<Resource>,
  removals: Iterable<ResourceKey> = [],
): ChangeableResourceSet {
  const update = advance(set, upserts, removals)
  return update === undefined ? set : update.resources
}

/** `withChanges` together with the names that really changed; undefined when none did. */
export function advance(
  set: ChangeableResourceSet,
  upserts: Iterable<Resource>,
  removals: Iterable<ResourceKey> = [],
): (ResourceUpdate & { readonly resources: ChangeableResourceSet }) | undefined {
  const wanted = new Map<TypeUrl, Map<string, Resource | undefined>>()
  for (const key of removals) changesOf(wanted, key.typeUrl).set(key.name, undefined)
  for (const resource of upserts) changesOf(wanted, resource.typeUrl).set(resource.name, resource)

  const types = new Map(set.types)
  const changed = new Map<TypeUrl, ReadonlySet<string>>()
  for (const [typeUrl, changes] of wanted) {
    const before = types.get(typeUrl) ?? emptyTable
    for (const [name, resource] of changes) {
      if (lookUp(before, name)?.version === resource?.version) changes.delete(name)
    }
    if (changes.size === 0) continue
    types.set(typeUrl, changeTable(before, changes))
    changed.set(typeUrl, new Set(changes.keys()))
  }
  return changed.size === 0 ? undefined : { resources: setOf(types, set.missing, set.absence), changed }
}

/**
 * Two sets as one, without copying: what `first` has hides what `second` has under the same name. The
 * result is meant to be made anew from the two halves whenever one of them changes.
 */
export function layered(first: ResourceSet, second: ResourceSet): ResourceSet {
  const overlaps = new Map<TypeUrl, Overlap>()
  const overlapOf = (typeUrl: TypeUrl): Overlap => {
    let overlap = overlaps.get(typeUrl)
    if (overlap === undefined) {
      overlap = findOverlap(first, second, typeUrl)
      overlaps.set(typeUrl, overlap)
    }
    return overlap
  }
  const both = new Map<TypeUrl, object>()
  return {
    content(typeUrl) {
      if (second.size(typeUrl) === 0) return first.content(typeUrl)
      if (first.size(typeUrl) === 0) return second.content(typeUrl)
      if (!both.has(typeUrl)) both.set(typeUrl, {})
      return both.get(typeUrl)!
    },
    get: (typeUrl, name) => first.get(typeUrl, name) ?? second.get(typeUrl, name),
    *all(typeUrl) {
      yield* first.all(typeUrl)
      if (overlapOf(typeUrl).hidden === 0) yield* second.all(typeUrl)
      else for (const r of second.all(typeUrl)) if (first.get(typeUrl, r.name) === undefined) yield r
    },
    size: (typeUrl) => first.size(typeUrl) + second.size(typeUrl) - overlapOf(typeUrl).hidden,
    version(typeUrl) {
      if (second.size(typeUrl) === 0) return first.version(typeUrl)
      if (first.size(typeUrl) === 0) return second.version(typeUrl)
      return overlapOf(typeUrl).version
    },
    missing: (typeUrl, name) => first.missing(typeUrl, name) ?? second.missing(typeUrl, name),
    absence: (typeUrl, name) => first.absence?.(typeUrl, name) ?? second.absence?.(typeUrl, name),
  }
}

interface Overlap {
  /** How many resources of the second set the first one hides. */
  readonly hidden: number
  readonly version: string
}

/** Walks the smaller half only. */
function findOverlap(first: ResourceSet, second: ResourceSet, typeUrl: TypeUrl): Overlap {
  const [small, large] = first.size(typeUrl) < second.size(typeUrl) ? [first, second] : [second, first]
  let hidden = 0
  let sum = sumOf(first.version(typeUrl)) + sumOf(second.version(typeUrl))
  for (const { name } of small.all(typeUrl)) {
    if (large.get(typeUrl, name) === undefined) continue
    hidden++
    sum -= hashOf(second.get(typeUrl, name)!)
  }
  return { hidden, version: format(BigInt.asUintN(64, sum)) }
}

/** Functions of a closure rather than methods, so that a set can be spread and taken apart. */
function setOf(
  types: ReadonlyMap<TypeUrl, Table>,
  missing: Missing,
  absence?: WhyAbsent,
): ChangeableResourceSet {
  return {
    types,
    get: (typeUrl, name) => {
      const table = types.get(typeUrl)
      return table === undefined ? undefined : lookUp(table, name)
    },
    all: (typeUrl) => members(types.get(typeUrl) ?? emptyTable),
    size: (typeUrl) => types.get(typeUrl)?.size ?? 0,
    version: (typeUrl) => versionOf(types.get(typeUrl) ?? emptyTable),
    content: (typeUrl) => types.get(typeUrl) ?? emptyTable,
    missing,
    ...(absence && { absence }),
  }
}

/** Written once for all who ask. */
const versions = new WeakMap<Table, string>()
function versionOf(table: Table): string {
  let version = versions.get(table)
  if (version === undefined) {
    version = format(table.sum)
    versions.set(table, version)
  }
  return version
}

function lookUp(table: Table, name: string): Resource | undefined {
  if (table.overlay.size === 0 || !table.overlay.has(name)) return table.base.get(name)
  return table.overlay.get(name)
}

function members(table: Table): Iterable<Resource> {
  return table.overlay.size === 0 ? table.base.values() : merged(table)
}

function* merged({ base, overlay }: Table): Iterable<Resource> {
  for (const [name, resource] of base) if (!overlay.has(name)) yield resource
  for (const resource of overlay.values()) if (resource !== undefined) yield resource
}

/** `changes` really differ from what the table has. */
function changeTable(table: Table, changes: ReadonlyMap<string, Resource | undefined>): Table {
  let { size, sum } = table
  const overlay = new Map(table.overlay)
  for (const [name, resource] of changes) {
    const old = lookUp(table, name)
    if (old !== undefined) {
      size--
      sum -= hashOf(old)
    }
    if (resource !== undefined) {
      size++
      sum += hashOf(resource)
    }
    if (resource === undefined && !table.base.has(name)) overlay.delete(name)
    else overlay.set(name, resource)
  }
  sum = BigInt.asUintN(64, sum)
  const limit = Math.max(16, Math.sqrt(table.base.size))
  if (overlay.size <= limit) return { base: table.base, overlay, size, sum }
  return { base: flatten(table.base, overlay), overlay: emptyTable.overlay, size, sum }
}

function flatten(
  base: ReadonlyMap<string, Resource>,
  overlay: ReadonlyMap<string, Resource | undefined>,
): ReadonlyMap<string, Resource> {
  const flat = new Map(base)
  for (const [name, resource] of overlay) {
    if (resource === undefined) flat.delete(name)
    else flat.set(name, resource)
  }
  return flat
}

/** Of name and version together, so that two resources that swap their contents make another set. */
function hashOf({ name, version }: Resource): bigint {
  return BigInt(`0x${hash('sha256', `${version} ${name}`, 'hex').slice(0, 16)}`)
}

const format = (sum: bigint): string => sum.toString(16).padStart(16, '0')

/** A foreign set's version that isn't of our form is hashed into it. */
function sumOf(version: string): bigint {
  if (/^[0-9a-f]{16}$/.test(version)) return BigInt(`0x${version}`)
  return BigInt(`0x${hash('sha256', version, 'hex').slice(0, 16)}`)
}

function changesOf<V>(types: Map<TypeUrl, Map<string, V>>, typeUrl: TypeUrl): Map<string, V> {
  let changes = types.get(typeUrl)
  if (changes === undefined) {
    changes = new Map()
    types.set(typeUrl, changes)
  }
  return changes
}
