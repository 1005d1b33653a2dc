/**
 * Client status discovery: envoy/service/status/v3/csds.proto. Whoever asks sees the configuration of clients, as in
 * Envoy's own /config_dump, so only clients on this host may. Contents of secrets are not shown, nor keys and passwords
 * in other resources. Clients that poll (Fetch, REST) have no stream, and are not shown.
 */
import {
  type ClientStatusRequest,
  ClientStatusRequestSchema,
  ClientStatusResponseSchema,
} from '../../proto/gen/envoy/service/status/v3/csds_pb.js'
import { type Any, AnySchema, decode, encode, typeNameOf } from '../../proto/index.ts'
import type { Node, Resource } from '../../resources.ts'
import { typeUrls } from '../../type-urls.ts'
import { status } from '../grpc/status.ts'
import type { StreamInfo, StreamStatus } from '../status.ts'
import { type Contents, clientConfig } from './client-config.ts'
import { answering, type Method, type MethodDeps, type Pieces, RpcError } from './methods.ts'
import { nodeTest } from './node-matcher.ts'

const CSDS = '/envoy.service.status.v3.ClientStatusDiscoveryService'

/** Bytes of one response; a larger one would keep the Pilot busy for seconds, and hardly a client takes it. */
const MAX_BYTES = 64 * 1024 * 1024
/** ms of work between which others have their turn. */
const SLICE = 4

/** What shows a stream. */
export interface Shown {
  info(): StreamInfo
  status(): StreamStatus
}

export function csdsMethods(streams: () => Iterable<Shown>, deps: MethodDeps): readonly Method[] {
  const answer = (request: ClientStatusRequest): Promise<Pieces> => clientStatus(request, streams())
  const method = (name: string, kind: 'unary' | 'stream'): Method => ({
    path: `${CSDS}/${name}`,
    stream: kind === 'stream',
    localOnly: true,
    take: answering(ClientStatusRequestSchema, kind, deps, answer),
  })
  return [method('FetchClientStatus', 'unary'), method('StreamClientStatus', 'stream')]
}

/** A piece for each client: in protobuf, messages with one element each in a repeated field are, joined, one with all. */
async function clientStatus(request: ClientStatusRequest, streams: Iterable<Shown>): Promise<Pieces> {
  const wanted = nodeTest(request.nodeMatchers)
  const contents = request.excludeResourceContents ? () => undefined : await redacted()
  const pieces: Uint8Array[] = []
  let bytes = 0
  let sliceEnd = performance.now() + SLICE
  for (const { node, shown } of clientsOf(streams)) {
    if (wanted(node)) {
      const statuses = shown.map((each) => each.status())
      const piece = encode(ClientStatusResponseSchema, { config: [clientConfig(node, statuses, contents)] })
      bytes += piece.length
      pieces.push(piece)
    }
    if (bytes > MAX_BYTES) {
      const details = `the answer exceeds ${MAX_BYTES} bytes; use node_matchers or exclude_resource_contents`
      throw new RpcError(status.RESOURCE_EXHAUSTED, details)
    }
    if (performance.now() > sliceEnd) {
      await new Promise((resolve) => setImmediate(resolve))
      sliceEnd = performance.now() + SLICE
    }
  }
  return pieces
}

interface Client {
  readonly node: Node
  readonly shown: Shown[]
}

/** Those of this moment; what they have is asked of each when it is its turn. */
function clientsOf(streams: Iterable<Shown>): Iterable<Client> {
  const clients = new Map<string, Client>()
  for (const shown of streams) {
    const { id, node } = shown.info()
    if (node === undefined) continue
    const key = node.via === 'ADS' ? `stream ${id}` : `node ${node.id}`
    const client = clients.get(key)
    if (client === undefined) clients.set(key, { node, shown: [shown] })
    else client.shown.push(shown)
  }
  return clients.values()
}

/** Of each resource once; undefined = may not be shown. */
const redactions = new WeakMap<Resource, Any>()

/** Loads every generated file, when it is first called. */
async function redacted(): Promise<Contents> {
  const { redactAny } = await import('../../proto/redact.ts')
  return (resource) => {
    let any = redactions.get(resource)
    if (any === undefined) {
      any = redactAny(decode(AnySchema, resource.bytes))
      redactions.set(resource, any)
    }
    return isSecret(resource.typeUrl) || isSecret(any.typeUrl) ? undefined : any
  }
}

const isSecret = (typeUrl: string): boolean => typeNameOf(typeUrl) === typeNameOf(typeUrls.secret)
