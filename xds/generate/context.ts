/** What every generator is given besides its part of the view: settings, counters, and the one place that encodes. */
import type { MeshSettings } from '#model/mesh.ts'
import { makeResource, resource } from '#xds/make-resource.ts'
import type { DescMessage, MessageInitShape } from '#xds/proto/index.ts'
import type { Resource, TypeUrl } from '#xds/resources.ts'
import { shortName, typeUrls } from '#xds/type-urls.ts'

/** Istio's metric names where the meaning is the same; `label` is the xDS type (`eds`) or the layer (`outbound`). */
export type CounterName =
  | 'encodes'
  | 'generator_runs'
  | 'pilot_vservice_dup_domain'
  | 'pilot_conflict_outbound_listener_tcp_over_current_tcp'
  | 'pilot_conflict_outbound_listener_http_over_current_tcp'
  | 'pilot_conflict_outbound_listener_tcp_over_current_http'
  | 'pilot_conflict_inbound_listener'
  | 'pilot_dns_cluster_without_endpoints'
  | 'invalid_endpoints'

export interface GeneratorCounters {
  /** Adds one. */
  count(name: CounterName, label: string): void
}

export const noCounters: GeneratorCounters = { count() {} }

export interface Context {
  readonly settings: MeshSettings
  readonly counters: GeneratorCounters
}

/** A message as a resource. Every encode of the generators goes through here or `encodedBytes`, and is counted. */
export function encodeResource<D extends DescMessage>(
  context: Context,
  schema: D,
  name: string,
  message: MessageInitShape<D>,
  children?: readonly string[],
): Resource {
  const made = resource(schema, name, message, children)
  context.counters.count('encodes', shortName(made.typeUrl))
  return made
}

/** A route configuration put together from bytes that were encoded before. */
export function assembledRoute(context: Context, name: string, anyBytes: Uint8Array): Resource {
  context.counters.count('encodes', shortName(typeUrls.route))
  return makeResource(typeUrls.route as TypeUrl, name, anyBytes)
}
