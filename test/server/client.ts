/** A gRPC client for tests: raw messages over real connections, with a log of what came. */
import { Client, type ClientDuplexStream, credentials, Metadata, type StatusObject } from '@grpc/grpc-js'
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from '#xds/proto/gen/envoy/service/discovery/v3/discovery_pb.js'
import {
  type create,
  type DescMessage,
  decode,
  encode,
  type MessageInitShape,
  type MessageShape,
} from '#xds/proto/index.ts'
import { xdsMethods } from '#xds/server/services.ts'

const asIs = (bytes: Buffer): Buffer => bytes
export const adsSotw = xdsMethods[0]!.path
export const adsDelta = xdsMethods[1]!.path

export function connect(port: number, options: Record<string, number | string> = {}): Client {
  return new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    ...options,
  })
}

export interface TestStream<Request, Response> {
  readonly call: ClientDuplexStream<Buffer, Buffer>
  send(request: Request): void
  /** The next response; rejects with the status if the stream ends, or after two seconds. */
  next(patienceMs?: number): Promise<Response>
  readonly ended: Promise<StatusObject>
}

/** The unary method `path`; rejects with grpc-js' ServiceError. */
export const unary = <I extends DescMessage, O extends DescMessage>(
  client: Client,
  path: string,
  [input, output]: readonly [I, O],
  request: MessageInitShape<I>,
): Promise<MessageShape<O>> =>
  new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, asIs, asIs, Buffer.from(encode(input, request)), (error, reply) =>
      error ? reject(error) : resolve(decode(output, reply!)),
    )
  })

/** The method `path` with streams of messages. */
export const openStream = <I extends DescMessage, O extends DescMessage>(
  client: Client,
  path: string,
  [input, output]: readonly [I, O],
): TestStream<MessageInitShape<I>, MessageShape<O>> =>
  openCall(
    client,
    path,
    (request) => encode(input, request),
    (bytes) => decode(output, bytes),
  )

function openCall<Request, Response>(
  client: Client,
  path: string,
  serialize: (request: Request) => Uint8Array,
  deserialize: (bytes: Buffer) => Response,
): TestStream<Request, Response> {
  const call = client.makeBidiStreamRequest(path, asIs, asIs, new Metadata())
  const queue: Response[] = []
  let wake = (): void => {}
  let over: StatusObject | undefined
  call.on('data', (bytes: Buffer) => {
    queue.push(deserialize(bytes))
    wake()
  })
  call.on('error', () => {})
  const ended = new Promise<StatusObject>((resolve) => {
    call.on('status', (status: StatusObject) => {
      over = status
      resolve(status)
      wake()
    })
  })
  return {
    call,
    send: (request) => void call.write(Buffer.from(serialize(request))),
    ended,
    next: (patienceMs = 2000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no response within ${patienceMs} ms`)), patienceMs)
        wake = () => {
          if (queue.length === 0 && over === undefined) return
          clearTimeout(timer)
          wake = () => {}
          if (queue.length > 0) resolve(queue.shift()!)
          else reject(new Error(`stream ended: ${over!.code} ${over!.details}`))
        }
        wake()
      }),
  }
}

type Init<D extends Parameters<typeof create>[0]> = MessageInitShape<D>
export type SotwInit = Init<typeof DiscoveryRequestSchema>
export type DeltaInit = Init<typeof DeltaDiscoveryRequestSchema>

export const openSotw = (client: Client, path = adsSotw): TestStream<SotwInit, DiscoveryResponse> =>
  openCall(
    client,
    path,
    (request) => encode(DiscoveryRequestSchema, request),
    (bytes) => decode(DiscoveryResponseSchema, bytes),
  )

export const openDelta = (client: Client, path = adsDelta): TestStream<DeltaInit, DeltaDiscoveryResponse> =>
  openCall(
    client,
    path,
    (request) => encode(DeltaDiscoveryRequestSchema, request),
    (bytes) => decode(DeltaDiscoveryResponseSchema, bytes),
  )
