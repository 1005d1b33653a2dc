/** Self-registration's two inputs: the proxies that ask for it, from the xDS server, and the WorkloadGroups of the mesh. */
import { concat, from, Observable, Subject } from 'rxjs'
import type { MeshSnapshot, MeshUpdate } from '#model/mesh.ts'
import type { Group } from '#registries/autoregistration/entry.ts'
import type { ProxyEvent, RegisteringProxy } from '#registries/autoregistration/proxy.ts'
import { parseNode } from '#sidecar/node.ts'
import type { Node } from '#xds/resources.ts'

/** Outlives each pipeline: proxies stay connected while another one takes its place. */
export interface Registering {
  /** Those that are connected first, then what happens. */
  readonly events: Observable<ProxyEvent>
  /** `stream`: unique among connections. */
  connect(stream: string, node: Node | undefined): void
  disconnect(stream: string): void
  /** xDS is served from now on. */
  open(): void
  /** The Pilot ends: that proxies leave it says nothing about them. */
  close(): void
}

export function createRegistering(): Registering {
  const connected = new Map<string, RegisteringProxy>()
  const happened = new Subject<ProxyEvent>()
  let isOpen = false
  const now = (): ProxyEvent[] => [
    ...[...connected.values()].map((proxy): ProxyEvent => ({ kind: 'connect', proxy })),
    ...(isOpen ? [{ kind: 'open' } as const] : []),
  ]
  return {
    events: new Observable((subscriber) => concat(from(now()), happened).subscribe(subscriber)),
    connect(stream, node) {
      const proxy = node && registeringProxy(stream, node)
      if (!proxy) return
      connected.set(stream, proxy)
      happened.next({ kind: 'connect', proxy })
    },
    disconnect(stream) {
      if (connected.delete(stream)) happened.next({ kind: 'disconnect', stream })
    },
    open() {
      isOpen = true
      happened.next({ kind: 'open' })
    },
    close: () => happened.complete(),
  }
}

/** Undefined: it does not ask to be registered. */
function registeringProxy(stream: string, node: Node): RegisteringProxy | undefined {
  const group = node.metadata.AUTO_REGISTER_GROUP
  if (typeof group !== 'string' || group === '') return undefined
  const sidecar = parseNode(node)
  if ('error' in sidecar) return undefined
  const { namespace, ips, labels, network, locality, serviceAccount } = sidecar
  return {
    ...{ stream, node: node.id, group, namespace, ip: ips[0] ?? '', labels, network, serviceAccount },
    ...(locality && { locality }),
  }
}

const PREFIX = 'WorkloadGroup/'

/** Emits when they are known, that is when every configuration source has spoken or xDS is served, and when one changes. */
export const workloadGroups = (
  updates: Observable<MeshUpdate>,
  events: Observable<ProxyEvent>,
): Observable<readonly Group[]> =>
  new Observable((subscriber) => {
    let known = false
    let last: MeshSnapshot | undefined
    const tell = (): void => {
      if (last)
        subscriber.next([...last.configs.values()].filter(({ kind }) => kind === 'WorkloadGroup') as Group[])
    }
    const subscription = updates.subscribe(({ snapshot, changes }) => {
      last = snapshot
      const touched = !known || [...changes.configs].some((key) => key.startsWith(PREFIX))
      known ||= [...snapshot.sources.values()].every(
        ({ role, lastUpdate }) => role !== 'config' || lastUpdate !== undefined,
      )
      if (known && touched) tell()
    })
    subscription.add(
      events.subscribe(({ kind }) => {
        if (kind !== 'open' || known) return
        known = true
        tell()
      }),
    )
    return subscription
  })
