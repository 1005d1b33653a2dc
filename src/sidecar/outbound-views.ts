/** All outbound views in use: one for each distinct key; those of one namespace and Sidecar resource share a scope. */

import { isIPv6 } from 'node:net'
import { configKey } from '#model/config.ts'
import type { Demands, DemandUpdate } from '#model/load.ts'
import type { MeshSettings } from '#model/mesh.ts'
import type { Impact, MeshIndex } from './mesh-index.ts'
import { defaultOutbound } from './node.ts'
import {
  advanceScope,
  buildScope,
  endpointChanges,
  type OutboundScope,
  type OutboundTraits,
  outboundView,
} from './outbound.ts'
import { type SidecarConfig, scopeRules } from './scope.ts'
import { type Counters, type SharedView, sharedView } from './shared-view.ts'
import type { OutboundView, Sidecar, ViewUpdate } from './view.ts'

interface ScopeInUse {
  scope: OutboundScope
  readonly views: Map<SharedView<OutboundView>, OutboundTraits>
}

interface OutboundViews {
  /** The view of this sidecar under this Sidecar resource; the caller retains it. */
  of(sidecar: Sidecar, config: SidecarConfig | undefined): SharedView<OutboundView>
  advance(index: MeshIndex, impact: Impact): void
  /** Requests come from elsewhere. */
  weigh(update: DemandUpdate): void
}

export function outboundViews(
  index: () => MeshIndex,
  settings: MeshSettings,
  counters: Counters,
): OutboundViews {
  const scopes = new Map<string, ScopeInUse>()
  const views = new Map<string, SharedView<OutboundView>>()
  let demands: Demands | undefined

  function openScope(key: string, namespace: string, config: SidecarConfig | undefined): ScopeInUse {
    const made = scopes.get(key) ?? {
      scope: buildScope(index(), scopeRules(namespace, config)),
      views: new Map(),
    }
    scopes.set(key, made)
    return made
  }

  function make(key: string, scopeKey: string, sidecar: Sidecar, config: SidecarConfig | undefined) {
    const shared: SharedView<OutboundView> = sharedView(
      () => {
        const inUse = openScope(scopeKey, sidecar.namespace, config)
        const traits = outboundTraits(sidecar, inUse.scope.rules.config, settings)
        inUse.views.set(shared, traits)
        views.set(key, shared)
        counters.viewsBuilt++
        counters.active++
        return outboundView(traits, inUse.scope, demands)
      },
      () => {
        const inUse = scopes.get(scopeKey)
        inUse?.views.delete(shared)
        if (inUse?.views.size === 0) scopes.delete(scopeKey)
        if (views.get(key) === shared) views.delete(key)
        counters.active--
      },
    )
    return shared
  }

  return {
    of(sidecar, config) {
      const scopeKey = `${sidecar.namespace}|${config ? configKey(config) : ''}`
      const key = `${scopeKey}|${JSON.stringify(outboundTraits(sidecar, undefined, settings))}`
      return views.get(key) ?? make(key, scopeKey, sidecar, config)
    },
    advance(now, impact) {
      for (const inUse of scopes.values()) advanceInUse(inUse, now, impact, settings, counters, demands)
    },
    weigh(update) {
      demands = update.demands
      for (const { scope, views } of scopes.values()) {
        const changes = endpointChanges(scope, update.changed)
        if (changes.size === 0) continue
        for (const shared of views.keys()) {
          counters.viewsAdvanced++
          shared.advance({ view: { ...shared.view, demands }, changes })
        }
      }
    },
  }
}

function advanceInUse(
  inUse: ScopeInUse,
  index: MeshIndex,
  impact: Impact,
  settings: MeshSettings,
  counters: Counters,
  demands: Demands | undefined,
): void {
  const { namespace, config } = inUse.scope.rules
  const current = config && impact.namespaces.has(config.namespace) ? index.latest(config) : config
  const rebuilt = current !== config
  const { scope, changes } = rebuilt
    ? { scope: buildScope(index, scopeRules(namespace, current)), changes: 'all' as const }
    : advanceScope(inUse.scope, index, impact)
  if (scope === inUse.scope) return
  inUse.scope = scope
  for (const [shared, traits] of inUse.views) {
    const next = rebuilt ? { ...traits, policy: policyOf(current, settings) } : traits
    if (rebuilt) inUse.views.set(shared, next)
    counters[rebuilt ? 'viewsBuilt' : 'viewsAdvanced']++
    const update: ViewUpdate<OutboundView> = {
      view: outboundView(next, scope, demands, rebuilt ? undefined : shared.view),
      changes,
    }
    shared.advance(update)
  }
}

const policyOf = (config: SidecarConfig | undefined, settings: MeshSettings) =>
  config?.spec.outboundTrafficPolicy?.mode ?? settings.outboundTrafficPolicy

/** What makes no difference does not split views: the explicit proxy's socket elsewhere, the locality where it does not count. */
function outboundTraits(
  sidecar: Sidecar,
  config: SidecarConfig | undefined,
  settings: MeshSettings,
): OutboundTraits {
  const { mode, outbound, locality, networkView, configSource, onDemand } = sidecar
  const ipFamily = ipFamilyOf(sidecar.ips)
  return {
    mode,
    proxy: mode === 'explicit' ? outbound : defaultOutbound,
    policy: policyOf(config, settings),
    ...(ipFamily && { ipFamily }),
    ...(settings.localityLbEnabled && locality && { locality }),
    ...(settings.localityWeightsFromLoad && locality && { locality: { ...locality, subzone: '' } }),
    networkView: [...networkView].sort(),
    ...(configSource && { configSource }),
    ...(onDemand && { onDemand }),
  }
}

/** Undefined = IPv4, also where the addresses are not known. */
function ipFamilyOf(ips: readonly string[]): OutboundView['ipFamily'] {
  const v6 = ips.filter(isIPv6).length
  return v6 === 0 ? undefined : v6 === ips.length ? 'v6' : 'dual'
}
