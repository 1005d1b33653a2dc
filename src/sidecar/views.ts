/** Which view each connected sidecar has: the pipe from mesh snapshots to shared views. */
import { NEVER, Observable, Subject, type Subscriber, type Subscription } from 'rxjs'
import { type ConfigKey, configKey } from '#model/config.ts'
import type { DemandUpdate } from '#model/load.ts'
import type { MeshSettings, MeshUpdate } from '#model/mesh.ts'
import { inboundViews } from './inbound-views.ts'
import { MeshIndex } from './mesh-index.ts'
import { outboundViews } from './outbound-views.ts'
import { sidecarConfigFor } from './scope.ts'
import type { Counters, SharedView, ViewStream } from './shared-view.ts'
import type { InboundConflict, InboundPort, InboundView, OutboundView, Sidecar } from './view.ts'

export type { Counters, ViewStream } from './shared-view.ts'

/** The two halves of a sidecar's view; each stream is one object for all sidecars that share it. */
export interface AssignedViews {
  readonly outbound: ViewStream<OutboundView>
  readonly inbound: ViewStream<InboundView>
}

/** For /debug/sidecarz and /debug/instancesz. */
export interface SidecarDescription {
  readonly sidecarConfig?: ConfigKey
  /** Services of the catch-all egress, and of all egress listeners. */
  readonly services: number
  readonly inbound: readonly (Pick<InboundPort, 'port' | 'protocol' | 'bind' | 'target'> & {
    readonly service: string
  })[]
  readonly conflicts: readonly InboundConflict[]
}

export interface Views {
  /**
   * Emits at once if the mesh has a snapshot, and again only when the sidecar moves to another view. Held while
   * subscribed: the last to leave a view drops it. Never errors or completes.
   */
  connect(sidecar: Sidecar): Observable<AssignedViews>
  /** After each change of the mesh, when all views that it concerns have moved on: of a pair inbound first, then outbound. */
  readonly settled: Observable<void>
  /** Undefined as long as the mesh has no snapshot. */
  describe(sidecar: Sidecar): SidecarDescription | undefined
  readonly counters: Readonly<Counters>
  /** Lets go of the mesh, and of the rest. */
  close(): void
}

interface Held {
  readonly outbound: SharedView<OutboundView>
  readonly inbound: SharedView<InboundView>
}

interface Connection {
  readonly sidecar: Sidecar
  readonly subscriber: Subscriber<AssignedViews>
  held?: Held
}

/**
 * Subscribes to the mesh, and to where requests come from, at once and until `close`; the mesh emits its current snapshot
 * first.
 */
export function createViews(
  mesh$: Observable<MeshUpdate>,
  settings: MeshSettings,
  demand$: Observable<DemandUpdate> = NEVER,
): Views {
  const counters: Counters = { viewsBuilt: 0, viewsAdvanced: 0, active: 0 }
  const connections = new Map<string, Set<Connection>>()
  const settled = new Subject<void>()
  let index: MeshIndex | undefined
  const outbound = outboundViews(() => index!, settings, counters)
  const inbound = inboundViews(() => index!, counters)

  function viewsOf(now: MeshIndex, sidecar: Sidecar): Held {
    const config = sidecarConfigFor(
      sidecar,
      now.sidecars(sidecar.namespace),
      now.sidecars(settings.rootNamespace),
    )
    return { outbound: outbound.of(sidecar, config), inbound: inbound.of(sidecar, config) }
  }

  /** Retains the new before it lets go of the old, so that what both share is not built anew. */
  function assign(now: MeshIndex, connection: Connection): void {
    const before = connection.held
    const next = viewsOf(now, connection.sidecar)
    if (before?.outbound === next.outbound && before.inbound === next.inbound) return
    retain(next)
    connection.held = next
    connection.subscriber.next({ outbound: next.outbound.stream, inbound: next.inbound.stream })
    if (before) release(before)
  }

  function onMesh(update: MeshUpdate): void {
    if (index === undefined) {
      index = new MeshIndex(update.snapshot)
      for (const each of connections.values()) for (const connection of each) assign(index, connection)
      return
    }
    const impact = index.advance(update)
    const moved = impact.namespaces.has(settings.rootNamespace) ? connections.keys() : impact.namespaces
    for (const namespace of moved)
      for (const connection of connections.get(namespace) ?? []) assign(index, connection)
    inbound.advance(index, impact)
    outbound.advance(index, impact)
    settled.next()
  }

  const subscription: Subscription = mesh$.subscribe(onMesh)
  subscription.add(demand$.subscribe(outbound.weigh))

  return {
    connect: (sidecar) =>
      new Observable((subscriber) => {
        const connection: Connection = { sidecar, subscriber }
        const peers = connections.get(sidecar.namespace) ?? new Set()
        connections.set(sidecar.namespace, peers.add(connection))
        if (index) assign(index, connection)
        return () => {
          peers.delete(connection)
          if (peers.size === 0) connections.delete(sidecar.namespace)
          if (connection.held) release(connection.held)
        }
      }),
    describe: (sidecar) => index && describe(viewsOf(index, sidecar)),
    counters,
    settled,
    close: () => subscription.unsubscribe(),
  }
}

function retain(held: Held): void {
  held.outbound.retain()
  held.inbound.retain()
}

function release(held: Held): void {
  held.outbound.release()
  held.inbound.release()
}

function describe(held: Held): SidecarDescription {
  retain(held)
  const { services, listeners, config } = held.outbound.view
  const { ports, conflicts } = held.inbound.view
  release(held)
  const keys = new Set(
    [services, ...listeners.map((each) => each.services)].flatMap((each) => [...each.keys()]),
  )
  return {
    ...(config && { sidecarConfig: configKey(config) }),
    services: keys.size,
    inbound: ports.map(({ service, port, protocol, bind, target }) => ({
      service: service.hostname,
      port,
      protocol,
      ...(bind && { bind }),
      ...(target && { target }),
    })),
    conflicts: conflicts ?? [],
  }
}
