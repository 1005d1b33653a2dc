/** The merge as one would write it with no thought of cost: everything anew from what the sources said last. */
import type { ConfigObject, ConfigUpdate } from '#model/config.ts'
import { configKey } from '#model/config.ts'
import type { MeshService } from '#model/mesh.ts'
import { type Endpoint, type Service, serviceKey, type Workload, workloadKey } from '#model/service.ts'
import type { RegistryUpdate } from '#registries/registry.ts'
import { type Contribution, type MeshOptions, precedenceOf } from '../../src/mesh/precedence.ts'
import type { MergeEvent } from '../../src/mesh/said.ts'
import { unite } from '../../src/mesh/unite.ts'

interface Last {
  services: Map<string, Service>
  workloads: Map<string, Workload>
  configs: Map<string, ConfigObject>
  /** It has said `full`. */
  synced: boolean
  stale: boolean
  /** Services and workloads in trouble of their own. */
  troubled: Set<string>
  troubledWorkloads: Set<string>
}

const hear = (last: Last, event: MergeEvent): void => {
  const { update } = event
  last.synced ||= update.kind === 'full'
  last.stale = last.synced && update.kind === 'trouble'
  if (update.kind === 'trouble') return
  if (update.kind === 'restored' || update.kind === 'tick' || update.kind === 'accept')
    throw new Error('not part of the reference')
  if (update.kind === 'full' && !isPartial(update)) {
    last.services = new Map()
    last.workloads = new Map()
    last.configs = new Map()
  }
  if (event.role === 'config') hearConfig(last, update as ConfigUpdate)
  else hearRegistry(last, update as RegistryUpdate)
}

const isPartial = (update: object): boolean => 'missing' in update

const hearConfig = (last: Last, update: ConfigUpdate): void => {
  if (update.kind === 'trouble') return
  for (const key of update.kind === 'delta' ? update.removed : []) last.configs.delete(key)
  for (const object of update.kind === 'delta' ? update.changed : update.objects)
    last.configs.set(configKey(object), object)
}

const hearRegistry = (last: Last, update: RegistryUpdate): void => {
  if (update.kind === 'trouble') return
  if (update.kind === 'delta') {
    for (const key of update.removed) last.services.delete(key)
    for (const key of update.removedWorkloads) last.workloads.delete(key)
  }
  const said = update.kind === 'full' ? update.services : update.changed
  if (update.kind === 'full') {
    last.troubled = new Set(last.services.keys())
    last.troubledWorkloads = new Set(last.workloads.keys())
  }
  for (const key of [...said.map(serviceKey), ...(update.kind === 'delta' ? update.removed : [])])
    last.troubled.delete(key)
  for (const one of said) last.services.set(serviceKey(one), one)
  for (const key of update.kind === 'delta' ? update.removedWorkloads : []) last.troubledWorkloads.delete(key)
  for (const one of update.kind === 'full' ? update.workloads : update.changedWorkloads) {
    last.workloads.set(workloadKey(one), one)
    last.troubledWorkloads.delete(workloadKey(one))
  }
}

/** Of several contributions of one registry, those that have the endpoint. */
const has = ({ registry, service }: Contribution, endpoint: Endpoint, count: number): boolean =>
  registry === endpoint.registry &&
  (count === 1 ||
    service.endpoints.some(
      ({ address, network, workload, origin }) =>
        address === endpoint.address &&
        network === endpoint.network &&
        workload === endpoint.workload &&
        origin.object === endpoint.origin.object,
    ))

export const referenceMerge = (
  names: readonly string[],
  events: readonly MergeEvent[],
  options: MeshOptions,
): { readonly services: Map<string, MeshService>; readonly configs: Map<string, ConfigObject> } => {
  const said = new Map(
    names.map((name): [string, Last] => [
      name,
      {
        ...{ services: new Map(), workloads: new Map(), configs: new Map() },
        ...{ synced: false, stale: false, troubled: new Set(), troubledWorkloads: new Set() },
      },
    ]),
  )
  for (const event of events) hear(said.get(event.source)!, event)
  const precedence = precedenceOf(names, options)
  const groups = new Map<string, Contribution[]>()
  for (const [registry, { services }] of said)
    for (const service of services.values()) {
      const host = precedence.hostOf(service.hostname)
      const key = service.exportTo.includes('*') ? host : `${service.namespace}/${host}`
      groups.set(key, [...(groups.get(key) ?? []), { registry, service }])
    }
  const select = ({ service }: Contribution): Workload[] =>
    [...said.values()]
      .flatMap(({ workloads }) => [...workloads.values()])
      .filter(({ namespace }) => namespace === service.namespace)
      .filter(({ labels }) =>
        Object.entries(service.selector ?? {}).every(([key, value]) => labels[key] === value),
      )
  const isFresh = (contributions: readonly Contribution[]) => (endpoint: Endpoint) => {
    const { stale, troubled, troubledWorkloads } = said.get(endpoint.registry)!
    const selected = contributions.some(
      ({ service: { selector, namespace } }) =>
        selector && troubledWorkloads.has(workloadKey({ namespace, workload: endpoint.workload })),
    )
    return (
      !stale &&
      !selected &&
      !contributions.some(
        (one) => troubled.has(serviceKey(one.service)) && has(one, endpoint, contributions.length),
      )
    )
  }
  const services = new Map<string, MeshService>()
  for (const key of [...groups.keys()].sort()) {
    const contributions = groups.get(key)!.sort(precedence.compare)
    services.set(key, unite({ key, contributions, select, isFresh: isFresh(contributions), precedence }))
  }
  const configs = new Map<string, ConfigObject>()
  for (const { configs: objects } of [...said.values()].reverse())
    for (const [key, object] of objects) configs.set(key, object)
  return { services, configs: new Map([...configs].sort(([a], [b]) => (a < b ? -1 : 1))) }
}
