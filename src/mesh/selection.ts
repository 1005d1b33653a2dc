/** Which workloads a service's selector picks, and which selectors a workload concerns, without a scan of either. */
import type { Labels, Service, Workload } from '#model/service.ts'
import { compareText } from './precedence.ts'
import { SortedMap } from './sorted-map.ts'

/** `namespace\nlabel\nvalue`; a label can't hold a line break. */
type Pair = string

export interface Selecting {
  readonly selector: Labels
  readonly key: string
}

/** Both sides by namespace and label, because a namespace alone may hold ten thousand of each. */
export interface SelectionIndex {
  /** Workloads by each of their labels, then by `registry\nnamespace/name`. */
  readonly workloads: SortedMap<SortedMap<Workload>>
  /** Services with a selector by the first of its labels, then by `registry\nnamespace/hostname`. */
  readonly selectors: SortedMap<SortedMap<Selecting>>
}

export const emptySelection: SelectionIndex = { workloads: SortedMap.empty(), selectors: SortedMap.empty() }

const pairs = (namespace: string, labels: Labels): Pair[] =>
  Object.entries(labels)
    .map(([label, value]) => `${namespace}\n${label}\n${value}`)
    .sort(compareText)

/** As in Istio, an empty selector picks nothing. */
export const carriesAll = (labels: Labels, selector: Labels): boolean => {
  const wanted = Object.entries(selector)
  return wanted.length > 0 && wanted.every(([label, value]) => labels[label] === value)
}

type Changes<V> = Map<Pair, Map<string, V | undefined>>

const note = <V>(changes: Changes<V>, pair: Pair, id: string, value: V | undefined): void => {
  const inner = changes.get(pair)
  if (inner === undefined) changes.set(pair, new Map([[id, value]]))
  else inner.set(id, value)
}

const commit = <V>(index: SortedMap<SortedMap<V>>, changes: Changes<V>): SortedMap<SortedMap<V>> => {
  const next = new Map<Pair, SortedMap<V> | undefined>()
  for (const [pair, inner] of changes) {
    const bucket = (index.get(pair) ?? SortedMap.empty<V>()).with(inner)
    next.set(pair, bucket.size === 0 ? undefined : bucket)
  }
  return index.with(next)
}

/** One object that a registry said differently: what it was and what it is. */
export interface Difference<T> {
  /** Unique over all registries: `registry\nkey`. */
  readonly id: string
  readonly before: T | undefined
  readonly after: T | undefined
}

export const indexWorkloads = (
  index: SelectionIndex,
  differences: readonly Difference<Workload>[],
): SelectionIndex => {
  if (differences.length === 0) return index
  const changes: Changes<Workload> = new Map()
  for (const { id, before, after } of differences) {
    for (const pair of before ? pairs(before.namespace, before.labels) : [])
      note(changes, pair, id, undefined)
    for (const pair of after ? pairs(after.namespace, after.labels) : []) note(changes, pair, id, after)
  }
  return { ...index, workloads: commit(index.workloads, changes) }
}

const anchorOf = (service: Service | undefined): Pair | undefined =>
  service?.selector && pairs(service.namespace, service.selector)[0]

export const indexSelectors = (
  index: SelectionIndex,
  differences: readonly Difference<Service>[],
  keyOf: (service: Service) => string,
): SelectionIndex => {
  const changes: Changes<Selecting> = new Map()
  for (const { id, before, after } of differences) {
    const [old, now] = [anchorOf(before), anchorOf(after)]
    if (old !== undefined) note(changes, old, id, undefined)
    if (now !== undefined) note(changes, now, id, { selector: after!.selector!, key: keyOf(after!) })
  }
  return changes.size === 0 ? index : { ...index, selectors: commit(index.selectors, changes) }
}

/** Keys of the merged services whose selection a workload enters, leaves or changes in. */
export const concerned = (
  index: SelectionIndex,
  differences: readonly Difference<Workload>[],
): ReadonlySet<string> => {
  const keys = new Set<string>()
  for (const { before, after } of differences)
    for (const workload of [before, after])
      for (const pair of workload ? pairs(workload.namespace, workload.labels) : [])
        for (const { selector, key } of index.selectors.get(pair)?.values() ?? [])
          if (carriesAll(workload!.labels, selector)) keys.add(key)
  return keys
}

/** Workloads of the service's namespace that carry all labels of its selector. */
export const selected = (index: SelectionIndex, service: Service): readonly Workload[] => {
  const selector = service.selector ?? {}
  const buckets = pairs(service.namespace, selector).map((pair) => index.workloads.get(pair))
  if (buckets.length === 0 || buckets.includes(undefined)) return []
  const smallest = buckets.reduce((a, b) => (b!.size < a!.size ? b : a))!
  return [...smallest.values()].filter(({ labels }) => carriesAll(labels, selector))
}
