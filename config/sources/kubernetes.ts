/** Istio's and the Gateway API's custom resources in a Kubernetes cluster: the `kubernetes` kind of configuration source. */
import { Observable, type SchedulerLike, Subject, type Subscriber, Subscription, timer } from 'rxjs'
import type { ConfigUpdate } from '#model/config.ts'
import type { Issue, PilotError } from '#model/issue.ts'
import type { KubernetesCluster, ListWatchEvent, ObjectKey } from '../connections/kubernetes-api.ts'
import type { ObjectOptions } from '../istio/object.ts'
import { parseValue } from '../parse-value.ts'
import type { ConfigSource } from '../source.ts'
import { createCatalog } from './catalog.ts'
import { type CustomResource, customResources, resourcePath } from './kubernetes-resources.ts'

/** An object as the API server has it, as far as it is looked at here. */
export interface ApiObject {
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly generation?: number
    readonly resourceVersion?: string
  }
  readonly spec?: unknown
  readonly status?: unknown
}

/** What was found of an object, for its status. */
export interface Verdict {
  readonly resource: CustomResource
  /** Of the object itself, without `/status`. */
  readonly path: string
  readonly generation?: number
  readonly resourceVersion?: string
  readonly status?: unknown
  readonly issues: readonly Issue[]
  /** It has been deleted. */
  readonly gone?: true
}

export interface KubernetesSourceOptions extends ObjectOptions {
  /** e.g. `kubernetes/prod` */
  readonly name: string
  /** None = all of the cluster. */
  readonly namespaces: readonly string[]
  /** How long until a resource that was not installed is looked for again, ms. */
  readonly lookAgain?: number
}

export interface KubernetesSourceDeps {
  readonly cluster: Pick<KubernetesCluster, 'listWatch'>
  readonly clock: SchedulerLike
  /** Is given what was found of each object, for as long as the source is followed. */
  readonly writeStatus?: (verdicts: Observable<Verdict>) => Subscription
}

/** All subscribers share one watch of each resource, which ends with the last of them. */
export function kubernetesSource(options: KubernetesSourceOptions, deps: KubernetesSourceDeps): ConfigSource {
  const subscribers = new Set<Subscriber<ConfigUpdate>>()
  let follower: ReturnType<typeof followAll> | undefined
  const updates = new Observable<ConfigUpdate>((subscriber) => {
    for (const update of follower?.current() ?? []) subscriber.next(update)
    subscribers.add(subscriber)
    follower ??= followAll(options, deps, (update) => {
      for (const one of [...subscribers]) one.next(update)
    })
    return () => {
      subscribers.delete(subscriber)
      if (subscribers.size > 0) return
      follower?.stop()
      follower = undefined
    }
  })
  return { name: options.name, kind: 'kubernetes', updates }
}

const LOOK_AGAIN = 30_000
const NOT_FOUND = 404
type Trouble = Extract<ListWatchEvent<ApiObject>, { kind: 'trouble' }>

/** What of an object counts: not the status that we write ourselves, which would make every object change once more. */
function contentOf({ kind, group }: CustomResource, version: string, { metadata, spec, status }: ApiObject) {
  const value = { apiVersion: `${group}/${version}`, kind, metadata, spec }
  const conditions = (status as { conditions?: unknown } | undefined)?.conditions
  if (kind !== 'WorkloadEntry' || !Array.isArray(conditions)) return value
  const healthy = conditions.filter((one: { type?: unknown } | null) => one?.type === 'Healthy')
  return healthy.length > 0 ? { ...value, status: { conditions: healthy } } : value
}

function followAll(
  options: KubernetesSourceOptions,
  { cluster, clock, writeStatus }: KubernetesSourceDeps,
  emit: (update: ConfigUpdate) => void,
) {
  const catalog = createCatalog()
  const running = new Subscription()
  const verdicts = new Subject<Verdict>()
  running.add(writeStatus?.(verdicts))
  /** Lists that have not spoken yet, and those in trouble. */
  const waiting = new Set<object>()
  const troubles = new Map<object, Trouble>()
  let synced = false
  let told: PilotError | undefined
  let scheduled = false

  function followList(resource: CustomResource, namespace: string | undefined): void {
    const id = {}
    /** Where each object is shown, and its path at the API server. */
    const places = new Map<string, string>()
    waiting.add(id)

    const placeOf = (key: ObjectKey): string => `${options.name}/${resource.kind}/${key}`
    const put = (version: string, object: ApiObject): string => {
      const { name, namespace: own } = object.metadata
      const place = placeOf(own === undefined ? name : `${own}/${name}`)
      const content = parseValue(contentOf(resource, version, object), {
        ...options,
        at: place,
        source: options.name,
      })
      catalog.set(place, content)
      const path = `${resourcePath(resource, version, own)}/${name}`
      places.set(place, path)
      const issues = [...content.issues, ...content.objects.flatMap((one) => one.issues)]
      const { generation, resourceVersion } = object.metadata
      if (verdicts.observed)
        verdicts.next({ resource, path, generation, resourceVersion, status: object.status, issues })
      return place
    }
    const remove = (place: string): void => {
      const path = places.get(place)
      if (path === undefined) return
      catalog.remove(place)
      places.delete(place)
      if (verdicts.observed) verdicts.next({ resource, path, issues: [], gone: true })
    }
    const hear = (version: string, event: ListWatchEvent<ApiObject>): void => {
      if (event.kind === 'trouble') {
        troubles.set(id, event)
        return
      }
      troubles.delete(id)
      if (event.kind === 'put') put(version, event.value)
      else if (event.kind === 'gone') remove(placeOf(event.key))
      else if (event.kind === 'listed') {
        waiting.delete(id)
        const now = new Set([...event.items.values()].map((object) => put(version, object)))
        for (const place of [...places.keys()]) if (!now.has(place)) remove(place)
      }
    }
    /** The first version that there is; where there is none, the lot is looked for again. */
    const start = (index: number): void => {
      const version = resource.versions[index]
      if (version === undefined) {
        waiting.delete(id)
        troubles.delete(id)
        for (const place of [...places.keys()]) remove(place)
        tellSoon()
        later(options.lookAgain ?? LOOK_AGAIN, () => start(0))
        return
      }
      const list = new Subscription()
      running.add(list)
      const path = resourcePath(resource, version, namespace)
      const translate = (object: object): ApiObject => object as ApiObject
      list.add(
        cluster.listWatch<ApiObject>({ path, translate }).subscribe((events) => {
          if (events.some((event) => event.kind === 'trouble' && event.status === NOT_FOUND)) {
            list.unsubscribe()
            running.remove(list)
            later(0, () => start(index + 1))
            return
          }
          for (const event of events) hear(version, event)
          tellSoon()
        }),
      )
    }
    start(0)
  }

  function later(ms: number, work: () => void): void {
    const wait = timer(ms, clock).subscribe(() => {
      running.remove(wait)
      work()
    })
    running.add(wait)
  }

  /** What comes in one turn is told as one update. */
  function tellSoon(): void {
    if (scheduled) return
    scheduled = true
    later(0, () => {
      scheduled = false
      tell()
    })
  }

  function tell(): void {
    const trouble = troubles.values().next().value
    if (trouble) {
      // One list after the other fails, and recovers: it is the same outage.
      if (told?.code === trouble.error.code) return
      told = trouble.error
      emit({ kind: 'trouble', error: trouble.error, since: trouble.since })
      return
    }
    if (waiting.size > 0) return
    const changes = catalog.take()
    if (!synced || told) {
      synced = true
      told = undefined
      emit(full())
    } else if (changes) emit({ kind: 'delta', ...changes })
  }

  const full = (): ConfigUpdate => ({ kind: 'full', objects: catalog.objects(), issues: catalog.issues() })

  const namespaces = options.namespaces.length > 0 ? options.namespaces : [undefined]
  for (const resource of customResources)
    for (const namespace of resource.clusterScoped ? [undefined] : namespaces) followList(resource, namespace)

  return {
    current: (): readonly ConfigUpdate[] => {
      const trouble = troubles.values().next().value
      return [...(synced ? [full()] : []), ...(trouble ? [trouble] : [])]
    },
    stop: () => running.unsubscribe(),
  }
}
