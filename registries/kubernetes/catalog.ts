/** What a cluster has told, and what of its services and workloads that touches: a change of one slice or pod re-makes its own services only. */
import type { ObjectKey } from '#config/connections/kubernetes-api.ts'
import type { Locality, Service, Workload } from '#model/service.ts'
import { sameContent } from '#support/equal.ts'
import type { Change } from '../told.ts'
import type { PodFacts, ServiceFacts, SliceFacts } from './facts.ts'
import { hostnameOf, type JoinOptions, type Surroundings, toService, toWorkload } from './join.ts'

/** A pod may be told after the slice that names it: so long (ms) a new endpoint waits for its labels and identity. */
const POD_WAIT = 500

export interface Facts {
  readonly services: ServiceFacts
  readonly slices: SliceFacts
  readonly pods: PodFacts
  readonly nodes: Locality
}
export type Kind = keyof Facts

export interface Catalog {
  put<K extends Kind>(kind: K, key: ObjectKey, facts: Facts[K]): void
  gone(kind: Kind, key: ObjectKey): void
  /** Everything of `kind` (in one namespace). */
  replace<K extends Kind>(kind: K, items: ReadonlyMap<ObjectKey, Facts[K]>, namespace?: string): void
  /** Keys of the services, for the mesh. */
  serviceKeys(namespace?: string): readonly string[]
  everything(): { readonly services: readonly Service[]; readonly workloads: readonly Workload[] }
  /** What was touched since it was asked last. `waitForPods`: see POD_WAIT; then `due` says when to ask again, ms from now. */
  touched(
    now: number,
    waitForPods: (namespace: string) => boolean,
  ): { readonly change: Required<Change>; readonly due?: number }
}

export function createCatalog(options: JoinOptions): Catalog {
  const facts = {
    services: new Map<ObjectKey, ServiceFacts>(),
    slices: new Map<ObjectKey, SliceFacts>(),
    pods: new Map<ObjectKey, PodFacts>(),
    nodes: new Map<ObjectKey, Locality>(),
  } satisfies { [K in Kind]: Map<ObjectKey, Facts[K]> }
  const slicesOf = createIndex()
  const slicesNaming = createIndex()
  /** Deleted, but a slice still names them: their endpoints keep what they had. */
  const departed = new Set<ObjectKey>()
  /** Named by a slice and not told: since when. */
  const awaited = new Map<ObjectKey, number>()
  const touchedServices = new Set<ObjectKey>()
  const touchedPods = new Set<ObjectKey>()
  const around: Surroundings = {
    pod: (key) => facts.pods.get(key),
    node: (name) => facts.nodes.get(name),
  }

  function setSlice(key: ObjectKey, slice: SliceFacts | undefined): void {
    const before = facts.slices.get(key)
    if (sameContent(before, slice)) return
    for (const [one, change] of [
      [before, 'delete'],
      [slice, 'add'],
    ] as const) {
      if (!one) continue
      const service = serviceOf(one)
      touchedServices.add(service)
      slicesOf[change](service, key)
      for (const { pod } of one.endpoints) if (pod !== undefined) slicesNaming[change](pod, key)
    }
    if (slice) facts.slices.set(key, slice)
    else facts.slices.delete(key)
    for (const { pod } of before?.endpoints ?? []) if (pod !== undefined) forget(pod)
  }
  /** What nothing names any more. */
  function forget(pod: ObjectKey): void {
    if (slicesNaming.get(pod).size > 0) return
    awaited.delete(pod)
    if (departed.delete(pod)) facts.pods.delete(pod)
  }
  function touchPod(key: ObjectKey): void {
    touchedPods.add(key)
    for (const slice of slicesNaming.get(key)) touchedServices.add(serviceOf(facts.slices.get(slice)!))
  }
  function touchNode(name: string): void {
    for (const [key, pod] of facts.pods) if (pod.node === name) touchPod(key)
    for (const slice of facts.slices.values())
      if (slice.endpoints.some(({ node }) => node === name)) touchedServices.add(serviceOf(slice))
  }

  const set: { [K in Kind]: (key: ObjectKey, value: Facts[K] | undefined) => void } = {
    services(key, service) {
      if (sameContent(facts.services.get(key), service)) return
      if (service) facts.services.set(key, service)
      else facts.services.delete(key)
      touchedServices.add(key)
    },
    slices: setSlice,
    pods(key, pod) {
      const wasThere = facts.pods.has(key)
      if (pod) {
        if (sameContent(facts.pods.get(key), pod) && !departed.has(key)) return
        facts.pods.set(key, pod)
        departed.delete(key)
        awaited.delete(key)
      } else if (!wasThere || departed.has(key)) return
      else if (slicesNaming.get(key).size > 0) departed.add(key)
      else facts.pods.delete(key)
      if (pod) touchPod(key)
      else touchedPods.add(key)
    },
    nodes(key, locality) {
      if (sameContent(facts.nodes.get(key), locality)) return
      if (locality) facts.nodes.set(key, locality)
      else facts.nodes.delete(key)
      touchNode(key)
    },
  }

  const serviceAt = (key: ObjectKey, held?: (pod: ObjectKey) => boolean): Service | undefined => {
    const service = facts.services.get(key)
    return service && toService(service, slicesAt(key), around, options, held)
  }
  const slicesAt = (service: ObjectKey) =>
    [...slicesOf.get(service)].sort().map((key) => facts.slices.get(key)!)
  const workloadAt = (key: ObjectKey): Workload | undefined => {
    const pod = departed.has(key) ? undefined : facts.pods.get(key)
    return pod && toWorkload(pod, around, options)
  }
  const meshKey = (key: ObjectKey): string => {
    const [namespace = '', name = ''] = key.split('/')
    return `${namespace}/${hostnameOf({ name, namespace }, options)}`
  }

  return {
    put: (kind, key, value) => set[kind](key, value),
    gone: (kind, key) => set[kind](key, undefined),
    replace(kind, items, namespace) {
      for (const key of [...facts[kind].keys()])
        if (!items.has(key) && (namespace === undefined || key.startsWith(`${namespace}/`)))
          set[kind](key, undefined)
      for (const [key, value] of items) set[kind](key, value)
    },
    serviceKeys: (namespace) =>
      [...facts.services.keys()]
        .filter((key) => namespace === undefined || key.startsWith(`${namespace}/`))
        .map(meshKey),
    everything() {
      touchedServices.clear()
      touchedPods.clear()
      // What is not there by now was not there before.
      for (const slice of facts.slices.values())
        for (const { pod } of slice.endpoints)
          if (pod !== undefined && !facts.pods.has(pod)) awaited.set(pod, Number.NEGATIVE_INFINITY)
      return {
        services: [...facts.services.keys()].map((key) => serviceAt(key)!),
        workloads: [...facts.pods.keys()].flatMap((key) => workloadAt(key) ?? []),
      }
    },
    touched(now, waitForPods) {
      let due: number | undefined
      const again = new Set<ObjectKey>()
      const changed: Service[] = []
      const removed: string[] = []
      for (const key of touchedServices) {
        const service = serviceAt(key, (pod) => {
          if (facts.pods.has(pod) || !waitForPods(namespaceOf(pod))) return false
          const since = awaited.get(pod) ?? now
          awaited.set(pod, since)
          const left = since + POD_WAIT - now
          if (left <= 0) return false
          again.add(key)
          due = Math.min(due ?? left, left)
          return true
        })
        if (service) changed.push(service)
        else removed.push(meshKey(key))
      }
      touchedServices.clear()
      for (const key of again) touchedServices.add(key)
      const change = { changed, removed, ...workloadsTouched() }
      return { change, ...(due === undefined ? {} : { due }) }
    },
  }

  function workloadsTouched() {
    const changedWorkloads: Workload[] = []
    const removedWorkloads: string[] = []
    for (const key of touchedPods) {
      const workload = workloadAt(key)
      if (workload) changedWorkloads.push(workload)
      else removedWorkloads.push(key)
    }
    touchedPods.clear()
    return { changedWorkloads, removedWorkloads }
  }
}

const namespaceOf = (key: ObjectKey): string => key.slice(0, key.indexOf('/'))
const serviceOf = ({ namespace, service }: SliceFacts): ObjectKey => `${namespace}/${service}`

/** Sets of keys by key. */
function createIndex() {
  const sets = new Map<ObjectKey, Set<ObjectKey>>()
  const none: ReadonlySet<ObjectKey> = new Set()
  return {
    get: (key: ObjectKey): ReadonlySet<ObjectKey> => sets.get(key) ?? none,
    add(key: ObjectKey, member: ObjectKey): void {
      const set = sets.get(key)
      if (set) set.add(member)
      else sets.set(key, new Set([member]))
    },
    delete(key: ObjectKey, member: ObjectKey): void {
      const set = sets.get(key)
      if (set?.delete(member) && set.size === 0) sets.delete(key)
    },
  }
}
