/** Where views become what the xDS server serves: one generated layer for each view, one joined set for each pair. */
import { map, Observable, ReplaySubject, type Subscription, scan, share, throwError } from 'rxjs'
import type { PilotError } from '#model/issue.ts'
import type { InboundView, OutboundView, Sidecar, ViewUpdate } from '#sidecar/view.ts'
import type { ViewStream, Views } from '#sidecar/views.ts'
import { type Changed, union } from '#xds/changed.ts'
import { type ChangeableResourceSet, layered } from '#xds/resource-set.ts'
import { type Node, NodeRefused, type ResourceSet, type ResourceSource } from '#xds/resources.ts'
import { identityCache } from './cache.ts'
import type { Generator, LayerUpdate } from './index.ts'

export interface MeshResourceSourceOptions {
  readonly views: Pick<Views, 'connect' | 'settled'>
  readonly generator: Generator
  /** src/sidecar/node.ts. */
  readonly parseNode: (node: Node) => Sidecar | { readonly error: PilotError }
}

/** The mesh as a ResourceSource. A node that can't be understood is refused with cause and remedy. */
export function meshResourceSource({
  views,
  generator,
  parseNode,
}: MeshResourceSourceOptions): ResourceSource {
  const outbound = layerStreams<OutboundView>(generator.outbound)
  const inbound = layerStreams<InboundView>(generator.inbound)
  const join = joiner()
  // The inbound half of a change comes first: what is to come of the outbound half is said with it.
  const halfHeard = new Set<Pair>()
  views.settled.subscribe(() => {
    for (const pair of halfHeard) pair.flush()
    halfHeard.clear()
  })

  return {
    connect(node) {
      const sidecar = parseNode(node)
      if ('error' in sidecar)
        return throwError(() => new NodeRefused(`${sidecar.error.message}. ${sidecar.error.remedy}`))
      return new Observable((subscriber) => {
        const pair = createPair((changed, first, second) =>
          subscriber.next({ changed, resources: join(first, second) }),
        )
        // A fault of the generator ends who listens, not the process.
        const error = (cause: unknown): void => subscriber.error(cause)
        const halves = {
          outbound: follower(outbound, {
            heard(layer, whole) {
              pair.heard(0, layer, whole)
              pair.flush()
            },
            error,
          }),
          inbound: follower(inbound, {
            heard(layer, whole) {
              pair.heard(1, layer, whole)
              if (!pair.held()) halfHeard.add(pair)
            },
            error,
          }),
        }
        const assigned = views.connect(sidecar).subscribe({
          next: (views) =>
            pair.asOne(() => {
              halves.outbound.to(views.outbound)
              halves.inbound.to(views.inbound)
            }),
          error,
        })
        return () => {
          assigned.unsubscribe()
          halves.outbound.stop()
          halves.inbound.stop()
          halfHeard.delete(pair)
        }
      })
    },
  }
}

type Pair = ReturnType<typeof createPair>

/** The halves of one listener; `emit` is called by `flush`, when something differs for it. */
function createPair(emit: (changed: Changed, outbound: ChangeableResourceSet, inbound: Content) => void) {
  let outbound: ChangeableResourceSet | undefined
  let inbound: Content | undefined
  let changed: Changed = 'all'
  let held = false

  function flush(): void {
    if (held || !outbound || !inbound || (changed !== 'all' && changed.size === 0)) return
    const said = changed
    changed = nothing
    emit(said, outbound, inbound)
  }

  return {
    /** `whole`: it comes from another stream than the one before, so what it says of changes means nothing here. */
    heard(half: 0 | 1, layer: LayerUpdate, whole: boolean): void {
      if (half === 0) outbound = layer.set
      else inbound = contentOf(layer.set)
      changed = union(changed, whole ? 'all' : layer.changed)
    },
    flush,
    held: () => held,
    /** What is heard meanwhile is one update. */
    asOne(work: () => void): void {
      held = true
      work()
      held = false
      flush()
    },
  }
}

const nothing: Changed = new Map()

/** Listens to one stream of layers after the other. The new one is held before the old one is let go. */
function follower<View>(
  streamOf: LayerStreams<View>,
  ear: { heard(layer: LayerUpdate, whole: boolean): void; error(cause: unknown): void },
): { to(views: ViewStream<View>): void; stop(): void } {
  let current: ViewStream<View> | undefined
  let subscription: Subscription | undefined
  return {
    to(views) {
      if (views === current) return
      current = views
      const before = subscription
      let whole = true
      subscription = streamOf(views).subscribe({
        next(layer) {
          ear.heard(layer, whole)
          whole = false
        },
        error: ear.error,
      })
      before?.unsubscribe()
    },
    stop: () => subscription?.unsubscribe(),
  }
}

/** A set, and what tells it from others: replicas of a workload have equal ones. */
interface Content {
  readonly set: ChangeableResourceSet
  readonly key: string
}

const contents = identityCache<Content>()
const contentOf = (set: ChangeableResourceSet): Content =>
  contents.get(set, '', () => {
    const types = [...set.types.keys()].sort()
    return { set, key: types.map((typeUrl) => `${typeUrl} ${set.version(typeUrl)}`).join('\n') }
  })

/**
 * Both halves as one set: the same set for the same outbound half and equal inbound ones. Where both have a listener at
 * one socket (a Sidecar's ingress bound to an address at which a headless service has an instance), the inbound one is.
 */
function joiner(): (outbound: ChangeableResourceSet, inbound: Content) => ResourceSet {
  const joined = identityCache<ResourceSet>()
  return (outbound, { set, key }) => joined.get(outbound, key, () => layered(set, outbound))
}

type LayerStreams<View> = (views: ViewStream<View>) => Observable<LayerUpdate<View>>

/** One stream of layers for each stream of views; made once, kept while somebody listens. */
function layerStreams<View>(
  step: (previous: LayerUpdate<View> | undefined, update: ViewUpdate<View>) => LayerUpdate<View>,
): LayerStreams<View> {
  const streams = new WeakMap<ViewStream<View>, Observable<LayerUpdate<View>>>()
  return (views) => {
    let stream = streams.get(views)
    if (stream === undefined) {
      stream = views.pipe(scan(step, undefined as LayerUpdate<View> | undefined), map(present), replayLast())
      streams.set(views, stream)
    }
    return stream
  }
}

/** `scan` with a seed of undefined never emits the seed. */
const present = <T>(value: T | undefined): T => value as T

const replayLast = <T>() => share<T>({ connector: () => new ReplaySubject<T>(1) })
