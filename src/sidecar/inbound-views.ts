/** All inbound views in use, found by the addresses that a change touches. */
import { configKey } from '#model/config.ts'
import { type InboundTraits, inboundView, portsKey, sameInbound, samePorts } from './inbound.ts'
import type { Impact, MeshIndex } from './mesh-index.ts'
import type { SidecarConfig } from './scope.ts'
import { type Counters, type SharedView, sharedView } from './shared-view.ts'
import type { InboundPort, InboundView, Sidecar } from './view.ts'

interface InUse {
  readonly shared: SharedView<InboundView>
  readonly traits: InboundTraits
}

interface InboundViews {
  /** The view of this sidecar under this Sidecar resource; the caller retains it. */
  of(sidecar: Sidecar, config: SidecarConfig | undefined): SharedView<InboundView>
  advance(index: MeshIndex, impact: Impact): void
}

export function inboundViews(index: () => MeshIndex, counters: Counters): InboundViews {
  const views = new Map<string, InUse>()
  const byIp = new Map<string, Set<InUse>>()
  const pool = portsPool()

  function make(
    key: string,
    traits: InboundTraits,
    config: SidecarConfig | undefined,
  ): SharedView<InboundView> {
    const build = () => inboundView(index(), traits, config && index().latest(config))
    const shared: SharedView<InboundView> = sharedView(
      () => {
        views.set(key, inUse)
        for (const ip of traits.ips) byIp.set(ip, (byIp.get(ip) ?? new Set()).add(inUse))
        counters.viewsBuilt++
        counters.active++
        return pool.adopt(key, build())
      },
      () => {
        if (views.get(key) === inUse) views.delete(key)
        for (const ip of traits.ips) {
          const users = byIp.get(ip)
          if (users?.delete(inUse) && users.size === 0) byIp.delete(ip)
        }
        pool.leave(key)
        counters.active--
      },
    )
    const inUse: InUse = { shared, traits }
    return shared
  }

  function affected(impact: Impact): ReadonlyMap<string, InUse> {
    const found = new Map<string, InUse>()
    const add = (inUse: InUse) => found.set(inboundKey(inUse.traits, inUse.shared.view.config), inUse)
    for (const ip of impact.ips) for (const inUse of byIp.get(ip) ?? []) add(inUse)
    if (impact.namespaces.size > 0)
      for (const inUse of views.values())
        if (impact.namespaces.has(inUse.shared.view.config?.namespace ?? '')) add(inUse)
    return found
  }

  return {
    of(sidecar, config) {
      const key = inboundKey(sidecar, config)
      return views.get(key)?.shared ?? make(key, traitsOf(sidecar), config)
    },
    advance(now, impact) {
      for (const [key, { shared, traits }] of affected(impact)) {
        if (views.get(key)?.shared !== shared) continue
        const { config } = shared.view
        const next = inboundView(now, traits, config && now.latest(config))
        if (sameInbound(shared.view, next)) continue
        counters.viewsAdvanced++
        shared.advance({ view: pool.adopt(key, next), changes: 'all' })
      }
    },
  }
}

const traitsOf = ({ type, mode, ips, namespace, network, outbound }: Sidecar): InboundTraits => ({
  type,
  mode,
  ips,
  namespace,
  network,
  outbound,
})

const inboundKey = (traits: InboundTraits, config: SidecarConfig | undefined): string =>
  [
    traits.type,
    traits.mode,
    traits.namespace,
    traits.network,
    traits.ips,
    traits.mode === 'explicit' ? `${traits.outbound.address}:${traits.outbound.port}` : '',
    config ? configKey(config) : '',
  ].join('|')

/** Lets views with equal ports share one array: the many workloads of one service are encoded once. */
function portsPool() {
  const pool = new Map<string, { ports: readonly InboundPort[]; users: number }>()
  const used = new Map<string, string>()
  const leave = (view: string): void => {
    const key = used.get(view)
    const entry = key === undefined ? undefined : pool.get(key)
    used.delete(view)
    if (key !== undefined && entry && --entry.users === 0) pool.delete(key)
  }
  const adopt = (view: string, made: InboundView): InboundView => {
    const key = portsKey(made.ports)
    const entry = pool.get(key) ?? { ports: made.ports, users: 0 }
    if (!samePorts(entry.ports, made.ports)) entry.ports = made.ports
    entry.users++
    leave(view)
    pool.set(key, entry)
    used.set(view, key)
    return { ...made, ports: entry.ports }
  }
  return { adopt, leave }
}
