/** Istio's and the Gateway API's custom resources in a Kubernetes cluster: the `kubernetes` kind of configuration source. */
import { Observable, type SchedulerLike, Subject, type Subscriber, Subscription, timer } from 'rxjs'
import type { ConfigUpdate } from '#model/config.ts'
import type { Issue, PilotError } from '#model/issue.ts'
import type { Logger } from '#support/logger.ts'
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

/** What follows a list of the API server says of it; never errors or completes, but for `absent`. */
export type ListEvent =
  /** The whole list, as it is now. */
  | { readonly kind: 'list'; readonly objects: readonly ApiObject[] }
  | { readonly kind: 'put'; readonly object: ApiObject }
  | { readonly kind: 'delete'; readonly object: ApiObject }
  /** The API server has no such resource (404); completes after it. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'trouble'; readonly error: PilotError; readonly since: Date }

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
  readonly follow: (path: string) => Observable<ListEvent>
  readonly clock: SchedulerLike
  readonly log: Logger
}

export interface KubernetesSource extends ConfigSource {
  /** Objects as they are judged, while somebody subscribes to `updates`. */
  readonly verdicts: Observable<Verdict>
}

/** All subscribers share one watch of each resource, which ends with the last of them. */
export function kubernetesSource(
  options: KubernetesSourceOptions,
  deps: KubernetesSourceDeps,
): KubernetesSource {
  const subscribers = new Set<Subscriber<ConfigUpdate>>()
  const verdicts = new Subject<Verdict>()
  let follower: ReturnType<typeof followAll> | undefined
  const updates = new Observable<ConfigUpdate>((subscriber) => {
    for (const update of follower?.current() ?? []) subscriber.next(update)
    subscribers.add(subscriber)
    follower ??= followAll(options, deps, verdicts, (update) => {
      for (const one of [...subscribers]) one.next(update)
    })
    return () => {
      subscribers.delete(subscriber)
      if (subscribers.size > 0) return
      follower?.stop()
      follower = undefined
    }
  })
  return { name: options.name, kind: 'kubernetes', updates, verdicts }
}

const LOOK_AGAIN = 30_000

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
  { follow, clock, log }: KubernetesSourceDeps,
  verdicts: Subject<Verdict>,
  emit: (update: ConfigUpdate) => void,
) {
  const catalog = createCatalog()
  const running = new Subscription()
  /** Lists that have not spoken yet, and those in trouble. */
  const waiting = new Set<object>()
  const troubles = new Map<object, Extract<ListEvent, { kind: 'trouble' }>>()
  let synced = false
  let told: PilotError | undefined
  let scheduled = false

  function followList(resource: CustomResource, namespace: string | undefined): void {
    const id = {}
    /** Where each object is shown, and its path at the API server. */
    const places = new Map<string, string>()
    waiting.add(id)

    const placeOf = ({ metadata: { name, namespace: own } }: ApiObject): string =>
      [options.name, resource.kind, ...(own === undefined ? [] : [own]), name].join('/')
    const put = (version: string, object: ApiObject): string => {
      const { name, namespace: own } = object.metadata
      const place = placeOf(object)
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
    const hear = (version: string, event: Exclude<ListEvent, { kind: 'absent' }>): void => {
      if (event.kind === 'trouble') {
        troubles.set(id, event)
        tellSoon()
        return
      }
      waiting.delete(id)
      troubles.delete(id)
      if (event.kind === 'list') {
        const now = new Set(event.objects.map((object) => put(version, object)))
        for (const place of [...places.keys()]) if (!now.has(place)) remove(place)
      } else if (event.kind === 'put') put(version, event.object)
      else remove(placeOf(event.object))
      tellSoon()
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
      list.add(
        follow(resourcePath(resource, version, namespace)).subscribe((event) => {
          if (event.kind !== 'absent') return hear(version, event)
          list.unsubscribe()
          running.remove(list)
          later(0, () => start(index + 1))
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
      if (told?.message === trouble.error.message) return
      told = trouble.error
      log.warn({ source: options.name, ...trouble.error }, 'configuration can not be read')
      emit({ kind: 'trouble', error: trouble.error, since: trouble.since })
      return
    }
    if (waiting.size > 0) return
    const changes = catalog.take()
    if (!synced || told) {
      if (told) log.info({ source: options.name }, 'configuration is read again')
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
