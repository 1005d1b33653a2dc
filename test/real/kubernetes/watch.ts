/** A Kubernetes registry under watch: what it said so far, added up as the mesh does. */
import { asyncScheduler } from 'rxjs'
import { readKubernetesConnection } from '#config/connections/kubernetes.ts'
import type { KubernetesApi } from '#config/connections/kubernetes-api.ts'
import { type Service, serviceKey, type Workload, workloadKey } from '#model/service.ts'
import { createClient } from '#registries/kubernetes/client.ts'
import { kubernetesCluster } from '#registries/kubernetes/cluster.ts'
import { kubernetesRegistry } from '#registries/kubernetes/index.ts'
import { TIMING, type Timing } from '#registries/kubernetes/list-watch.ts'
import type { KubernetesSettings } from '#registries/kubernetes/options.ts'
import type { Registry, RegistryUpdate } from '#registries/registry.ts'
import type { Logger } from '#support/logger.ts'
import { until } from '../../support/cleanup.ts'

export interface RegistryOptions extends Partial<Omit<KubernetesSettings, 'connection'>> {
  readonly timing?: Partial<Timing>
}

/** Quick to try again; a real server is not waited for as long as in life. */
const QUICK: Timing = { ...TIMING, backoff: { first: 50, last: 500 } }

/** `open`: requests under way. */
export function registryOn(kubeconfig: string, { timing, ...more }: RegistryOptions = {}) {
  const issues: unknown[] = []
  const reader = { issues: issues as never[], at: () => 'test' }
  const connection = readKubernetesConnection(
    { kubeconfig },
    { reader, path: [], env: {}, fromFile: (path) => path },
  )
  if (!connection) throw new Error(JSON.stringify(issues))
  const warnings: object[] = []
  const log: Logger = {
    debug() {},
    info() {},
    warn: (fields, message) => warnings.push({ ...fields, message }),
    error: (fields, message) => warnings.push({ ...fields, message }),
  }
  let open = 0
  const connect = (): KubernetesApi => {
    const client = createClient(connection)
    return {
      get url() {
        return client.url
      },
      renew: client.renew,
      close: client.close,
      request(asked) {
        open++
        asked.signal.addEventListener('abort', () => open--, { once: true })
        return client.request(asked)
      },
    }
  }
  const deps = { clock: asyncScheduler, log }
  const cluster = kubernetesCluster(connection, { ...deps, connect, timing: { ...QUICK, ...timing } })
  const settings: KubernetesSettings = {
    ...{
      kind: 'kubernetes',
      name: 'kubernetes/testbed',
      connection,
      namespaces: [],
      domain: 'cluster.local',
    },
    network: '',
    ...more,
  }
  return { registry: kubernetesRegistry(settings, { ...deps, cluster }), open: () => open, warnings }
}

type Trouble = Extract<RegistryUpdate, { kind: 'trouble' }>

export function watch(registry: Registry) {
  const updates: RegistryUpdate[] = []
  const services = new Map<string, Service>()
  const workloads = new Map<string, Workload>()
  const lows: string[] = []
  let least: Readonly<Record<string, number>> = {}
  const find = (name: string) =>
    [...services.values()].find(({ hostname }) => hostname === `${name}.default.svc.cluster.local`)

  function hear(update: RegistryUpdate): void {
    updates.push(update)
    if (update.kind === 'full') {
      services.clear()
      workloads.clear()
      for (const service of update.services) services.set(serviceKey(service), service)
      for (const workload of update.workloads) workloads.set(workloadKey(workload), workload)
    } else if (update.kind === 'delta') {
      for (const service of update.changed) services.set(serviceKey(service), service)
      for (const key of update.removed) services.delete(key)
      for (const workload of update.changedWorkloads) workloads.set(workloadKey(workload), workload)
      for (const key of update.removedWorkloads) workloads.delete(key)
    }
    for (const [name, count] of Object.entries(least)) {
      const found = find(name)?.endpoints.length ?? 0
      if (found < count)
        lows.push(`${name}: ${found} instead of ${count} after ${JSON.stringify(update).slice(0, 300)}`)
    }
  }
  const subscription = registry.updates.subscribe(hear)
  const watched = {
    updates: updates as readonly RegistryUpdate[],
    workloads: workloads as ReadonlyMap<string, Workload>,
    services: services as ReadonlyMap<string, Service>,
    service: find,
    addresses: (name: string) =>
      find(name)
        ?.endpoints.map(({ address }) => address)
        .join(' '),
    /** What went below `guard` since it was set. */
    lows: () => lows.splice(0),
    /** From now on these services must have so many endpoints after each word heard. */
    guard(next: Readonly<Record<string, number>>) {
      least = next
    },
    trouble(): Trouble | undefined {
      const last = updates.at(-1)
      return last?.kind === 'trouble' ? last : undefined
    },
    async until(what: string, holds: () => unknown, timeout = 20_000) {
      await until(what, holds, timeout).catch((error: Error) => {
        throw new Error(`${error.message}; last heard ${JSON.stringify(updates.slice(-2)).slice(0, 1500)}`)
      })
    },
    stop: () => subscription.unsubscribe(),
  }
  return watched
}
export type Watched = ReturnType<typeof watch>
