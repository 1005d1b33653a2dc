/** Istio's and the Gateway API's custom resources in a Kubernetes cluster: the `kubernetes` kind of configuration source. */
import { Observable, Subject, type Subscriber, Subscription, timer } from 'rxjs'
import type { ConfigUpdate } from '#model/config.ts'
import type { Issue, Missing, PilotError } from '#model/issue.ts'
import type { ListWatchEvent, ObjectKey } from '../connections/kubernetes-api.ts'
import { issue } from '../issue-codes.ts'
import type { ObjectOptions } from '../istio/object.ts'
import { parseValue } from '../parse-value.ts'
import type { ConfigSource } from '../source.ts'
import { createCatalog } from './catalog.ts'
import { type CustomResource, customResources, resourcePath } from './kubernetes-resources.ts'
import { type ApiObject, type Heard, type ServedDeps, served } from './kubernetes-served.ts'

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
}

export interface KubernetesSourceDeps extends ServedDeps {
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

/** Trouble of a list that lasts so long (ms) does not hold up the others' first word, and is an issue. */
const PATIENCE = 10_000
const FORBIDDEN = 403
type Trouble = Extract<ListWatchEvent<ApiObject>, { kind: 'trouble' }>

/** One resource, in one namespace or in all. */
interface List {
  readonly resource: CustomResource
  /** Where its own issue is shown. */
  readonly place: string
  state: 'pending' | 'listed' | 'absent'
  trouble?: Trouble
}

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
  const lists: List[] = []
  let synced = false
  /** Why not every list has been heard; what is known from disk of those stays. */
  let missing: Missing | undefined
  let told: PilotError | undefined
  let scheduled = false

  function followList(resource: CustomResource, namespace: string | undefined): void {
    const scope = `${resource.group}/${resource.plural}/${namespace ?? ''}`
    const list: List = { resource, place: `${options.name}/${scope}`, state: 'pending' }
    lists.push(list)
    /** Where each object is shown, and its path at the API server. */
    const places = new Map<string, string>()

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
        if (!list.trouble) later(PATIENCE, tellSoon)
        list.trouble = { ...event, since: list.trouble?.since ?? event.since }
        return
      }
      list.trouble = undefined
      if (event.kind === 'put') put(version, event.value)
      else if (event.kind === 'gone') remove(placeOf(event.key))
      else if (event.kind === 'listed') {
        list.state = 'listed'
        const now = new Set([...event.items.values()].map((object) => put(version, object)))
        for (const place of [...places.keys()]) if (!now.has(place)) remove(place)
      }
    }
    const take = (heard: Heard): void => {
      if (heard.kind === 'absent') {
        list.state = 'absent'
        list.trouble = undefined
        for (const place of [...places.keys()]) remove(place)
      } else {
        if (list.state === 'absent') list.state = 'pending'
        for (const event of heard.events) hear(heard.version, event)
      }
      tellSoon()
    }
    running.add(served(resource, namespace, { cluster, clock }).subscribe(take))
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
    for (const list of lists) note(list)
    const outage = outageOf(lists)
    if (outage) {
      // One list after the other fails, and recovers: it is the same outage.
      if (told?.code === outage.error.code) return
      told = outage.error
      emit(troubleOf(outage))
      return
    }
    const unheard = lists.filter(({ state }) => state === 'pending')
    if (!synced && !unheard.every(isStuck)) return
    const changes = catalog.take()
    const complete = missing !== undefined && unheard.length === 0
    if (!synced || told || complete) {
      missing =
        unheard.length === 0 ? undefined : (missingOf(unheard.find(({ trouble }) => trouble)) ?? missing)
      synced = true
      told = undefined
      emit(full())
    } else if (changes) emit({ kind: 'delta', ...changes })
  }

  /** It won't change by itself, or has not for a while. */
  const isStuck = ({ trouble }: List): boolean =>
    trouble !== undefined &&
    (trouble.status === FORBIDDEN || clock.now() - trouble.since.getTime() >= PATIENCE)

  function note(list: List): void {
    if (isStuck(list)) catalog.fail(list.place, unreadable(list.resource, list.trouble!, options.name))
    else if (catalog.has(list.place)) catalog.remove(list.place)
  }

  const full = (): ConfigUpdate => {
    const all = { kind: 'full', objects: catalog.objects(), issues: catalog.issues() } as const
    return missing === undefined ? all : { ...all, missing }
  }

  const namespaces = options.namespaces.length > 0 ? options.namespaces : [undefined]
  for (const resource of customResources)
    for (const namespace of resource.clusterScoped ? [undefined] : namespaces) followList(resource, namespace)

  return {
    current: (): readonly ConfigUpdate[] => {
      const outage = outageOf(lists)
      return [...(synced ? [full()] : []), ...(outage ? [troubleOf(outage)] : [])]
    },
    stop: () => running.unsubscribe(),
  }
}

/** Nothing that there is can be read: the source as such is in trouble. */
function outageOf(lists: readonly List[]): Trouble | undefined {
  const there = lists.filter(({ state }) => state !== 'absent')
  return there.every(({ trouble }) => trouble) ? there[0]?.trouble : undefined
}

const missingOf = (list: List | undefined): Missing | undefined =>
  list?.trouble && { error: list.trouble.error, since: list.trouble.since }

const troubleOf = ({ error, since }: Trouble): ConfigUpdate => ({ kind: 'trouble', error, since })

const unreadable = ({ kind, group, plural }: CustomResource, { error, status }: Trouble, at: string): Issue =>
  issue('PH1016', {
    message: `${kind} (${group}) cannot be read, what it said last stays: ${error.message}`,
    params: {
      hint:
        status === FORBIDDEN
          ? `Allow to list and watch ${plural}.${group}; it is asked again by itself.`
          : error.remedy,
    },
    at,
  })
