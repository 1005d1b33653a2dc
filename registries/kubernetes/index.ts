/** A Kubernetes cluster as a registry: Services, EndpointSlices, Pods and Nodes, each by a list-watch, joined. */
import { Observable, Subject, type Subscriber, type Subscription } from 'rxjs'
import type { KubernetesCluster, ListWatchEvent } from '#config/connections/kubernetes-api.ts'
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
  listed: boolean
  trouble?: Trouble
  readonly relist: Subject<void>
}

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
    listed: false,
    relist: new Subject(),
  }))
  /** Everything has been said that can be, in one history. */
  let synced = false
  let everSynced = false
  /** What was told of trouble, to tell it once. */
  let toldTrouble: { readonly key: string; readonly services?: readonly string[] } | undefined
  let flushing: Subscription | undefined
  let flushAt = 0

  function hear(follower: Follower, events: readonly ListWatchEvent<Facts[Kind]>[]): void {
    for (const event of events) {
      switch (event.kind) {
        case 'listed':
          if (event.history === 'new') startAnew(follower)
          catalog.replace(follower.kind, event.items, follower.namespace)
          follower.listed = true
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
          if (!follower.required) say(follower, event)
          break
        case 'well':
          follower.trouble = undefined
          break
      }
    }
    schedule(0)
  }

  /** Another history: nothing is told until all collections are of it. */
  function startAnew(first: Follower): void {
    if (!synced) return
    synced = false
    log.warn(
      { registry, path: first.resource.path },
      'the cluster has another history: everything is listed again',
    )
    for (const follower of followers) {
      if (follower === first) continue
      follower.listed = false
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
    const troubled = followers.filter((it) => it.required && it.trouble !== undefined)
    if (!synced && followers.every(isSettled)) {
      synced = true
      everSynced = true
      toldTrouble = undefined
      const { services, workloads } = catalog.everything()
      subscriber.next(told.full(services, workloads))
    } else if (synced) tellChange(troubled.length > 0)
    tellTrouble(troubled)
  }

  function tellChange(inTrouble: boolean): void {
    const { change, due } = catalog.touched(clock.now(), podsAreTold())
    const delta = told.change(change)
    const back = !inTrouble && toldTrouble !== undefined
    if (delta || back) {
      const named = back ? (toldTrouble!.services ?? []) : []
      toldTrouble = undefined
      subscriber.next(naming(delta ?? NOTHING, named))
    }
    if (due !== undefined) schedule(due)
  }
  /** A service's own trouble ends only with a word that names it. */
  function naming(delta: Delta, keys: readonly string[]): Delta {
    const same = keys.flatMap((key) => told.service(key) ?? []).filter((it) => !delta.changed.includes(it))
    return same.length === 0 ? delta : { ...delta, changed: [...delta.changed, ...same] }
  }
  const podsAreTold = () => followers.every((it) => it.kind !== 'pods' || (it.listed && !it.trouble))

  function tellTrouble(troubled: readonly Follower[]): void {
    const worst = troubled[0]?.trouble
    if (!worst) return
    const all = troubled.length === followers.filter((it) => it.required).length
    const partly = everSynced && !all && troubled.every((it) => it.namespace !== undefined)
    const services = partly
      ? [...new Set(troubled.flatMap((it) => catalog.serviceKeys(it.namespace)))]
      : undefined
    const key = `${worst.error.code} ${services?.length ?? 'all'}`
    if (toldTrouble?.key === key) return
    toldTrouble = { key, ...(services && { services }) }
    const { error, since, retryAt } = worst
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

/** It has said all, or it must not be asked. */
const isSettled = ({ listed, required, trouble }: Follower): boolean =>
  listed || (!required && (trouble?.status === 403 || trouble?.status === 404))
