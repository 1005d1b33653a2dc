/** Building the one value that the xDS server passes on: a named resource with its bytes and their version. */
import { hash } from 'node:crypto'
import { anyBytes, type DescMessage, type MessageInitShape, typeUrlOf } from './proto/index.ts'
import type { Resource, TypeUrl } from './resources.ts'
import { normalName } from './xdstp.ts'

const noChildren: readonly string[] = []

/**
 * A Resource from the encoded bytes of its google.protobuf.Any. `children` are the names that this resource
 * makes its client ask for (EDS names of a Cluster, RDS names of a Listener).
 */
export function makeResource(
  typeUrl: TypeUrl,
  name: string,
  bytes: Uint8Array,
  children: readonly string[] = noChildren,
): Resource {
  return { typeUrl, name: normalName(name), version: versionOf(bytes), bytes, children }
}

/** The same from a message: `resource(ClusterSchema, 'a', { name: 'a', … }, ['eds-name'])`. */
export function resource<D extends DescMessage>(
  schema: D,
  name: string,
  message: MessageInitShape<D>,
  children: readonly string[] = noChildren,
): Resource {
  return makeResource(typeUrlOf(schema), name, anyBytes(schema, message), children)
}

/**
 * The same resource with a time to live in milliseconds, for clients that have lost the server not to keep it: each is
 * told in time that it lives on (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#ttl). With another TTL
 * it is another version.
 */
export function withTtl(resource: Resource, ttl: number): Resource {
  if (!(ttl >= 1 && Number.isFinite(ttl))) throw new RangeError(`not a TTL: ${ttl} ms`)
  const version = hash('sha256', `${versionOf(resource.bytes)} ${ttl}`, 'hex').slice(0, 16)
  return { ...resource, version, ttl }
}

/** The first 64 bits of SHA-256 in hex: equal bytes, equal version, on every Pilot. */
export function versionOf(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex').slice(0, 16)
}
