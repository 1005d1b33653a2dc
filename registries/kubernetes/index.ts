/** A Kubernetes cluster as a registry: Services, EndpointSlices, Pods and Nodes, each by a list-watch, joined. */
import { Observable, Subject, type Subscriber, type Subscription } from 'rxjs'
import type { KubernetesCluster, ListWatchEvent } from '#config/connections/kubernetes-api.ts'
import type { Missing } from '#model/issue.ts'
import type { Registry, RegistryDeps, RegistryUpdate } from '../registry.ts'
import { createTold, type Delta } from '../told.ts'
import { createCatalog, type Facts, type Kind } from './catalog.ts'
import { kubernetesCluster } from './cluster.ts'
import type { KubernetesSettings } from './options.ts'
import { type Followed, followed } from './watches.ts'

export interface KubernetesDeps extends Pick<RegistryDeps, 'clock' | 'log'> {
  /** Given where it is shared with a configuration source, and in tests. */
  readonly cluster?: KubernetesCluster
}

export function kubernetesRegistry(settings: KubernetesSettings, deps: KubernetesDeps): Registry {
  const cluster = deps.cluster ?? kubernetesCluster(settings.connection, deps)
  const updates = new Observable<RegistryUpdate>((subscriber) => {
    const session = createSession(settings, { ...deps, cluster }, subscriber)
    return session.stop
  })
  return { name: settings.name, kind: 'kubernetes', updates }
}

type Trouble = Extract<ListWatchEvent<unknown>, { kind: 'trouble' }>

/** One collection: what it has said. */
interface Follower extends Followed {
  /** In the history of now. `forgone`: it must not be asked, and the rest can do without it. */
  state: 'pending' | 'forgone' | 'listed'
  trouble?: Trouble
  readonly relist: Subject<void>
}

/** What is in trouble; without `services` all of it. */
interface Outage {
  readonly trouble: Trouble
  readonly services?: readonly string[]
}

/** What is in trouble by then does not hold back the others' first word, ms. */
const FIRST_WORD = 10_000

const NOTHING: Delta = {
  kind: 'delta',
  changed: [],
  removed: [],
  changedWorkloads: [],
  removedWorkloads: [],
}

function createSession(
  settings: KubernetesSettings,
  { cluster, clock, log }: Required<KubernetesDeps>,
  subscriber: Subscriber<RegistryUpdate>,
) {
  const { name: registry, domain, network, namespaces } = settings
  const of = settings.cluster === undefined ? {} : { cluster: settings.cluster }
  const catalog = createCatalog({ registry, domain, network, ...of })
  const told = createTold()
  const followers: Follower[] = followed(namespaces, settings.cluster).map((it) => ({
    ...it,
    state: 'pending',
    relist: new Subject(),
  }))
  const scopes = namespaces.length > 0 ? namespaces : [undefined]
  /** What the last `full` was about (`standingWith`); undefined: none yet in the history of now. */
  let toldAs: string | undefined
  let everSynced = false
  /** Since when parts that are in trouble are not waited for. */
  let lateAt = clock.now() + FIRST_WORD
  /** To be told once. */
  let toldOutage: Outage | undefined
  let flushing: Subscription | undefined
  let flushAt = 0

  function hear(follower: Follower, events: readonly ListWatchEvent<Facts[Kind]>[]): void {
    for (const event of events) {
      switch (event.kind) {
        case 'listed':
          if (event.history === 'new') startAnew(follower)
          catalog.replace(follower.kind, event.items, follower.namespace)
          follower.state = 'listed'
          follower.trouble = undefined
          break
        case 'put':
          catalog.put(follower.kind, event.key, event.value)
          break
        case 'gone':
          catalog.gone(follower.kind, event.key)
          break
        case 'trouble':
          follower.trouble = event
          if (follower.state === 'pending') follower.state = unlisted(follower)
          if (!follower.required) say(follower, event)
          break
        case 'well':
          follower.trouble = undefined
          break
      }
    }
    schedule(0)
  }

  /** Another history: nothing is told until all collections are of it, or are in trouble. */
  function startAnew(first: Follower): void {
    if (toldAs === undefined || first.state !== 'listed') return
    toldAs = undefined
    lateAt = clock.now() + FIRST_WORD
    log.warn(
      { registry, path: first.resource.path },
      'the cluster has another history: everything is listed again',
    )
    for (const follower of followers) {
      if (follower === first) continue
      follower.state = unlisted(follower)
      follower.relist.next()
    }
  }
  function say({ resource: { path }, missing }: Follower, { error }: Trouble): void {
    log.warn({ registry, path, error }, `Kubernetes: without this, ${missing} are missing or old`)
  }

  function schedule(ms: number): void {
    const at = clock.now() + ms
    if (flushing && flushAt <= at) return
    flushing?.unsubscribe()
    flushAt = at
    flushing = clock.schedule(flush, ms)
  }

  function flush(): void {
    flushing = undefined
    const missing = missingNow()
    const standing = standingWith(missing)
    if (standing !== undefined && standing !== toldAs) tellAll(standing, missing)
    else if (toldAs !== undefined) tellChange(outage())
    tellTrouble(outage())
    const left = lateAt - clock.now()
    if (toldAs === undefined && left > 0) schedule(left)
  }

  function missingNow(): Missing | undefined {
    const trouble = followers.find((it) => isPending(it) && it.trouble)?.trouble
    if (!trouble) return undefined
    const { error, since, retryAt } = trouble
    return { error, since, ...(retryAt.getTime() > clock.now() && { retryAt }) }
  }
  /** What a `full` would be about; undefined: it is too early for one. */
  function standingWith(missing: Missing | undefined): string | undefined {
    if (!followers.some(isPending)) return 'everything'
    const there = scopes.filter(isThere)
    if (clock.now() < lateAt || !missing || there.length === 0) return undefined
    return [...there, missing.error.code].join(' ')
  }
  /** All is known of this namespace, or of the cluster. Nodes have no namespace, and only add to what is known. */
  const isThere = (scope: string | undefined): boolean =>
    followers.every((it) => !isPending(it) || it.kind === 'nodes' || (it.namespace ?? scope) !== scope)
  const isKnown = ({ namespace }: { readonly namespace: string }): boolean => isThere(namespace)

  function tellAll(standing: string, missing: Missing | undefined): void {
    toldAs = standing
    everSynced = true
    toldOutage = undefined
    const { services, workloads } = catalog.everything()
    subscriber.next(told.full(services.filter(isKnown), workloads.filter(isKnown), missing))
  }

  function tellChange(outage: Outage | undefined): void {
    const { change, due } = catalog.touched(clock.now(), podsAreTold)
    const delta = told.change({
      ...change,
      changed: change.changed.filter(isKnown),
      changedWorkloads: change.changedWorkloads.filter(isKnown),
    })
    const ended = endedOf(toldOutage, outage)
    if (delta || ended) {
      toldOutage = undefined
      subscriber.next(naming(delta ?? NOTHING, ended ?? []))
    }
    if (due !== undefined) schedule(due)
  }
  /** A service's own trouble ends only with a word that names it. */
  function naming(delta: Delta, keys: readonly string[]): Delta {
    const same = keys.flatMap((key) => told.service(key) ?? []).filter((it) => !delta.changed.includes(it))
    return same.length === 0 ? delta : { ...delta, changed: [...delta.changed, ...same] }
  }
  const podsAreTold = (namespace: string) =>
    followers.every(
      (it) =>
        it.kind !== 'pods' ||
        (it.namespace ?? namespace) !== namespace ||
        (it.state === 'listed' && !it.trouble),
    )

  /** What must speak: of the parts that a `full` called missing all has been said. */
  const expected = () => followers.filter((it) => toldAs === undefined || isThere(it.namespace))
  const isInTrouble = (it: Follower): boolean =>
    it.trouble !== undefined && (it.required || (toldAs === undefined && isPending(it)))

  function outage(): Outage | undefined {
    const troubled = expected().filter(isInTrouble)
    const trouble = troubled[0]?.trouble
    if (!trouble) return undefined
    const all = expected().every((it) => !it.required || it.trouble)
    if (all || !everSynced || troubled.some(({ namespace }) => namespace === undefined)) return { trouble }
    const services = new Set(troubled.flatMap(({ namespace }) => catalog.serviceKeys(namespace)))
    return { trouble, services: [...services] }
  }

  function tellTrouble(outage: Outage | undefined): void {
    if (!outage || (toldOutage && keyOf(toldOutage) === keyOf(outage))) return
    toldOutage = outage
    const { trouble, services } = outage
    const { error, since, retryAt } = trouble
    subscriber.next({ kind: 'trouble', error, since, retryAt, ...(services && { services }) })
  }

  const watching = followers.map((follower) =>
    cluster.listWatch(follower.resource, follower.relist).subscribe((events) => hear(follower, events)),
  )
  return {
    stop(): void {
      flushing?.unsubscribe()
      for (const each of watching) each.unsubscribe()
    },
  }
}

const isPending = ({ state }: Follower): boolean => state === 'pending'
const unlisted = ({ required, trouble }: Follower): Follower['state'] =>
  !required && (trouble?.status === 403 || trouble?.status === 404) ? 'forgone' : 'pending'

const keyOf = ({ trouble, services }: Outage): string => `${trouble.error.code} ${services?.length ?? 'all'}`

/** The services whose trouble is over; undefined: nothing is. The whole is back with the first of its namespaces. */
function endedOf(told: Outage | undefined, now: Outage | undefined): readonly string[] | undefined {
  if (!told || (now && !now.services)) return undefined
  const ended = (told.services ?? []).filter((key) => !now?.services?.includes(key))
  return ended.length > 0 || !now || !told.services ? ended : undefined
}
