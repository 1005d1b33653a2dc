/** An xDS client by hand, for what no well-behaved client does. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { DiscoveryRequestSchema } from '#xds/proto/gen/envoy/service/discovery/v3/discovery_pb.js'
import { encode } from '#xds/proto/index.ts'

export interface RawStream {
  readonly session: ClientHttp2Session
  readonly stream: ClientHttp2Stream
  /** Bytes of answers read so far. */
  received(): number
  /** Asks for all resources of a type (state of the world). */
  ask(typeUrl: string): void
  close(): void
}

export interface RawOptions {
  readonly port: number
  readonly nodeId: string
  /** Never reads: the window that HTTP/2 grants at first is all that the server can ever send. */
  readonly deaf?: boolean
}

/** Opens one state-of-the-world ADS stream. Errors are swallowed: they are the server's to survive. */
export function rawStream({ port, nodeId, deaf = false }: RawOptions): RawStream {
  const session = connect(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  const stream = session.request({
    ':method': 'POST',
    ':path': '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  stream.on('error', () => {})
  let received = 0
  if (!deaf) {
    stream.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
  }
  return {
    session,
    stream,
    received: () => received,
    ask(typeUrl) {
      const node = { id: nodeId, metadata: { INTERCEPTION_MODE: 'NONE' } }
      stream.write(frame(encode(DiscoveryRequestSchema, { node, typeUrl })))
    },
    close: () => session.destroy(),
  }
}

/** A gRPC message: uncompressed, its length, its bytes. */
export function frame(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}
