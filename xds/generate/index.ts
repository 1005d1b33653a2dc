/**
 * Views in, resources for a stock Envoy (and proxyless gRPC) out. Pure but for its caches, which are keyed by the
 * identity of immutable model objects: one service's resources are encoded once for all views that see it alike.
 */
import type { MeshSettings } from '#model/mesh.ts'
import type { InboundView, OutboundView, ViewUpdate } from '#sidecar/view.ts'
import { ClusterLoadAssignmentSchema } from '#xds/proto/gen/envoy/config/endpoint/v3/endpoint_pb.js'
import type { Missing } from '#xds/resource-set.ts'
import type { Resource } from '#xds/resources.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { KEPT_ANSWERS, recentCache } from './cache.ts'
import { type Context, encodeResource, type GeneratorCounters, noCounters } from './context.ts'
import { type InboundLayer, inboundGenerator } from './inbound.ts'
import { type OutboundLayer, outboundGenerator } from './outbound.ts'
import { emptyRoute } from './routes.ts'

export type { CounterName, GeneratorCounters } from './context.ts'
export type { InboundLayer } from './inbound.ts'
export type { LayerUpdate } from './layer.ts'
export type { OutboundLayer } from './outbound.ts'

export interface Generator {
  /** The layer after the update; `previous` undefined, or changes 'all', makes it anew. */
  outbound(previous: OutboundLayer | undefined, update: ViewUpdate<OutboundView>): OutboundLayer
  inbound(previous: InboundLayer | undefined, update: ViewUpdate<InboundView>): InboundLayer
}

/** One for the process: views share its caches. */
export function createGenerator(settings: MeshSettings, counters: GeneratorCounters = noCounters): Generator {
  const context: Context = { settings, counters }
  const missing = emptyAnswers(context)
  return { outbound: outboundGenerator(context, missing), inbound: inboundGenerator(context, missing) }
}

/** Endpoints and routes that aren't there are said to be empty, so that no client warms for ever. */
function emptyAnswers(context: Context): Missing {
  const endpoints = recentCache<Resource>(KEPT_ANSWERS)
  const routes = recentCache<Resource>(KEPT_ANSWERS)
  return (typeUrl, name) => {
    if (typeUrl === typeUrls.endpoint)
      return endpoints(name, () =>
        encodeResource(context, ClusterLoadAssignmentSchema, name, { clusterName: name }),
      )
    return typeUrl === typeUrls.route ? routes(name, () => emptyRoute(context, name)) : undefined
  }
}
