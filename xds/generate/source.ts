/** Where views become what the xDS server serves: one generated layer for each view, one joined set for each pair. */
import {
  combineLatest,
  distinctUntilChanged,
  filter,
  map,
  type Observable,
  ReplaySubject,
  scan,
  share,
  switchMap,
  throwError,
} from 'rxjs'
import type { PilotError } from '#model/issue.ts'
import type { InboundView, OutboundView, Sidecar, ViewUpdate } from '#sidecar/view.ts'
import type { AssignedViews, ViewStream } from '#sidecar/views.ts'
import { layered } from '#xds/resource-set.ts'
import type { Node, ResourceSet, ResourceSource, ResourceUpdate, TypeUrl } from '#xds/resources.ts'
import { pairCache } from './cache.ts'
import type { Generator, LayerUpdate } from './index.ts'

export interface MeshResourceSourceOptions {
  readonly views: { connect(sidecar: Sidecar): Observable<AssignedViews> }
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
  const joined = pairCache<ResourceSet>()
  const join = (first: ResourceSet, second: ResourceSet) =>
    joined(first, second, '', () => layered(first, second))

  return {
    connect(node) {
      const sidecar = parseNode(node)
      if ('error' in sidecar)
        return throwError(() => new Error(`${sidecar.error.message}. ${sidecar.error.remedy}`))
      const assigned = views.connect(sidecar).pipe(replayLast())
      const half = <View>(pick: (views: AssignedViews) => ViewStream<View>, layers: LayerStreams<View>) =>
        assigned.pipe(map(pick), distinctUntilChanged(), switchMap(layers))
      return combineLatest([half((v) => v.outbound, outbound), half((v) => v.inbound, inbound)]).pipe(
        scan(nextPair, undefined as Pair | undefined),
        filter((pair) => pair !== undefined && (pair.changed === 'all' || pair.changed.size > 0)),
        map((pair) => ({
          resources: join(pair!.layers[0].set, pair!.layers[1].set),
          changed: pair!.changed,
        })),
      )
    },
  }
}

type LayerStreams<View> = (views: ViewStream<View>) => Observable<LayerUpdate<View>>
type Changed = ResourceUpdate['changed']
type Layers = readonly [LayerUpdate, LayerUpdate]
interface Pair {
  readonly layers: Layers
  readonly changed: Changed
}

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

/** What changed for one listener: a layer that it sees for the first time changed in all. */
function nextPair(previous: Pair | undefined, layers: Layers): Pair {
  if (previous === undefined) return { layers, changed: 'all' }
  const fresh = layers.filter((layer, i) => layer !== previous.layers[i])
  return { layers, changed: fresh.map(({ changed }) => changed).reduce(union, new Map()) }
}

function union(a: Changed, b: Changed): Changed {
  if (a === 'all' || b === 'all') return 'all'
  const all = new Map<TypeUrl, ReadonlySet<string>>(a)
  for (const [typeUrl, names] of b) all.set(typeUrl, new Set([...(all.get(typeUrl) ?? []), ...names]))
  return all
}
