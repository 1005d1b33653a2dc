/** One request, one answer: the unary Fetch methods, and REST's. */
import { firstValueFrom, throwError, timeout } from 'rxjs'
import { type Node, NodeRefused, type ResourceSource, type TypeUrl } from '../resources.ts'
import { noBodies } from './bodies.ts'
import { decodeSotw } from './decode.ts'
import { encodeResponse, toBuffer } from './encode.ts'
import { status } from './grpc/status.ts'
import { nextResponse, receiveUpdate } from './machine.ts'
import { noNameLists } from './name-lists.ts'
import { otherType } from './problems.ts'
import { answeringBytes, type Method, type MethodDeps, type Pieces, RpcError } from './services/methods.ts'
import { fetchMethods } from './services.ts'
import { receiveSotw } from './sotw.ts'
import { createMachine, type Response } from './state.ts'

export interface FetchRequest {
  readonly node: Node | undefined
  readonly typeUrl: TypeUrl
  readonly names: readonly string[]
}

/** How long a source that isn't ready yet is waited for. */
const patienceMs = 10_000

/** The source has said nothing of the node in time. */
export class NotReadyError extends Error {
  constructor() {
    super('this Pilot has not heard from its registries yet; try again later')
  }
}

/** What the node gets now. Rejects with a NodeRefused, a NotReadyError, or a fault of the source. */
export async function fetchResources(source: ResourceSource, request: FetchRequest): Promise<Response> {
  if (!request.node?.id) throw new NodeRefused('the request must carry node.id; set it in the bootstrap')
  const update = await firstValueFrom(
    source
      .connect({ ...request.node, via: 'REST' })
      .pipe(timeout({ first: patienceMs, with: () => throwError(() => new NotReadyError()) })),
  )
  const machine = createMachine('sotw')
  receiveUpdate(machine, update)
  receiveSotw(machine, { typeUrl: request.typeUrl, nonce: '', names: request.names }, 0)
  return nextResponse(machine, 0)!
}

/** The Fetch methods: DiscoveryRequest to DiscoveryResponse. They count as streams, since they wait for the source. */
export const fetchesOf = (source: ResourceSource, deps: MethodDeps): readonly Method[] =>
  fetchMethods.map(({ path, typeUrl }) => ({
    path,
    stream: true,
    take: answeringBytes('unary', deps, (bytes) => fetchEncoded(source, typeUrl!, bytes)),
  }))

async function fetchEncoded(source: ResourceSource, typeUrl: TypeUrl, bytes: Buffer): Promise<Pieces> {
  const request = decodeFetch(bytes)
  if (request.typeUrl !== '' && request.typeUrl !== typeUrl)
    throw new RpcError(status.INVALID_ARGUMENT, otherType(typeUrl, request.typeUrl))
  const names = request.names === 'same' ? [] : request.names
  try {
    const response = await fetchResources(source, { node: request.node, typeUrl, names })
    return encodeResponse('sotw', response, noBodies).parts
  } catch (error) {
    if (error instanceof NotReadyError) throw new RpcError(status.UNAVAILABLE, error.message)
    throw error instanceof NodeRefused ? new RpcError(status.INVALID_ARGUMENT, error.message) : error
  }
}

function decodeFetch(bytes: Buffer): ReturnType<typeof decodeSotw> {
  try {
    return decodeSotw(bytes, new Map(), noNameLists)
  } catch (error) {
    throw new RpcError(status.INVALID_ARGUMENT, `not a discovery request: ${(error as Error).message}`)
  }
}

/** A DiscoveryResponse. */
export const asBytes = (response: Response): Buffer => toBuffer(encodeResponse('sotw', response, noBodies))
