/**
 * The services that a namespace may call under one Sidecar resource, as values that are advanced by change sets. Pure.
 * Views of equal scope (other mode, locality, networks) share its maps.
 */
import type { Demands } from '#model/load.ts'
import type { MeshService, MeshServiceKey } from '#model/mesh.ts'
import { LayeredMap } from './layered-map.ts'
import type { Impact, MeshIndex } from './mesh-index.ts'
import { pickService, type ScopeRules, type ServiceFilter } from './scope.ts'
import type { EgressListener, OutboundView, ViewUpdate } from './view.ts'

type Services = LayeredMap<MeshServiceKey, MeshService>
type ServiceChanges = Exclude<ViewUpdate<OutboundView>['changes'], 'all'>
type ChangeKind = 'attributes' | 'endpoints' | 'removed'

export interface OutboundScope {
  readonly rules: ScopeRules
  /** Of the catch-all egress. */
  readonly services: Services
  /** Of each egress listener, in the order of `rules.listeners`. */
  readonly listeners: readonly Services[]
}

/** From scratch: looks at every service once for each egress entry. */
export function buildScope(index: MeshIndex, rules: ScopeRules): OutboundScope {
  const hostnames = [...index.hostnames()]
  const all = (imports: ServiceFilter): Services => {
    const services = new Map<MeshServiceKey, MeshService>()
    for (const hostname of hostnames) {
      const service = pickService(index.candidates(hostname), imports, rules.namespace)
      if (service) services.set(service.attributes.key, service)
    }
    return LayeredMap.from(services)
  }
  return {
    rules,
    services: all(rules.catchAll),
    listeners: rules.listeners.map(({ imports }) => all(imports)),
  }
}

/** The same scope over the next snapshot; the very same object, and no changes, where nothing in it changed. */
export function advanceScope(
  scope: OutboundScope,
  index: MeshIndex,
  impact: Impact,
): { readonly scope: OutboundScope; readonly changes: ServiceChanges } {
  const changes = new Map<MeshServiceKey, ChangeKind>()
  const { rules } = scope
  const services = advanceServices(scope.services, rules.catchAll, rules, index, impact, changes)
  const listeners = scope.listeners.map((each, i) =>
    advanceServices(each, rules.listeners[i]!.imports, rules, index, impact, changes),
  )
  if (changes.size === 0) return { scope, changes }
  // Gone from one part of the view and kept in another: it changed, it did not leave.
  const parts = [services, ...listeners]
  for (const [key, kind] of changes)
    if (kind === 'removed' && parts.some((each) => each.has(key))) changes.set(key, 'attributes')
  const sameListeners = listeners.every((each, i) => each === scope.listeners[i])
  return { scope: { rules, services, listeners: sameListeners ? scope.listeners : listeners }, changes }
}

function advanceServices(
  services: Services,
  imports: ServiceFilter,
  rules: ScopeRules,
  index: MeshIndex,
  impact: Impact,
  changes: Map<MeshServiceKey, ChangeKind>,
): Services {
  const moved = new Map<MeshServiceKey, MeshService | undefined>()
  for (const [hostname, keys] of impact.hostnames) {
    const pick = pickService(index.candidates(hostname), imports, rules.namespace)
    for (const key of keys) {
      const old = services.get(key)
      const now = pick?.attributes.key === key ? pick : undefined
      if (old === now) continue
      moved.set(key, now)
      noteChange(changes, key, changeKind(old, now))
    }
  }
  return moved.size === 0 ? services : services.with(moved)
}

const changeKind = (old: MeshService | undefined, now: MeshService | undefined): ChangeKind =>
  now === undefined ? 'removed' : old?.attributes === now.attributes ? 'endpoints' : 'attributes'

/** One service may sit in several listeners: 'attributes' where they don't agree. */
function noteChange(changes: Map<MeshServiceKey, ChangeKind>, key: MeshServiceKey, kind: ChangeKind): void {
  const noted = changes.get(key)
  if (noted === undefined || noted === kind) changes.set(key, kind)
  else changes.set(key, 'attributes')
}

/** Of these services, those that the scope has, as changes of their endpoints. */
export function endpointChanges(
  { services, listeners }: OutboundScope,
  keys: Iterable<MeshServiceKey>,
): ServiceChanges {
  const changes = new Map<MeshServiceKey, ChangeKind>()
  for (const key of keys)
    if (services.has(key) || listeners.some((each) => each.has(key))) changes.set(key, 'endpoints')
  return changes
}

/** The parts of a view that come from the proxy and the settings, not from the scope. */
export type OutboundTraits = Pick<
  OutboundView,
  'mode' | 'ipFamily' | 'proxy' | 'policy' | 'locality' | 'networkView' | 'configSource' | 'onDemand'
>

/** `before` is the view of the scope before, whose listeners are kept where they are unchanged. */
export function outboundView(
  traits: OutboundTraits,
  scope: OutboundScope,
  demands?: Demands,
  before?: OutboundView,
): OutboundView {
  const { namespace, config } = scope.rules
  return {
    ...traits,
    namespace,
    ...(config && { config }),
    ...(demands && { demands }),
    services: scope.services,
    listeners: scope.rules.listeners.map((_, i) => {
      const old = before?.listeners[i]
      return old && old.services === scope.listeners[i] ? old : egressListener(traits.mode, scope, i)
    }),
  }
}

function egressListener(mode: OutboundView['mode'], scope: OutboundScope, i: number): EgressListener {
  const { egress, protocol } = scope.rules.listeners[i]!
  const capture = egress.captureMode ?? 'DEFAULT'
  return {
    port: egress.port!.number,
    protocol,
    name: egress.port!.name,
    ...(egress.bind && { bind: egress.bind }),
    bindToPort: capture === 'NONE' || (capture === 'DEFAULT' && mode === 'explicit'),
    services: scope.listeners[i]!,
  }
}
