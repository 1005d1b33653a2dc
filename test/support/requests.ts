/** Clients as plain data, so that the same request can be made here or in another network namespace. */
import {
  type Answer,
  type HttpCall,
  http1,
  http2,
  type Place,
  tcpEcho,
  tlsEcho,
  webSocket,
} from './clients.ts'
import { type GrpcKind, grpcCall } from './grpc-echo.ts'

export type Request =
  | { readonly kind: 'http1' | 'http2'; readonly call: HttpCall }
  | { readonly kind: 'websocket'; readonly call: HttpCall; readonly text: string }
  | {
      readonly kind: 'grpc'
      readonly target: string
      readonly method: GrpcKind
      readonly text: string
      readonly authority?: string
    }
  /** `through` = by CONNECT. An empty text waits for a server that speaks first. */
  | { readonly kind: 'tcp'; readonly to: Place; readonly text: string; readonly through?: string }
  | {
      readonly kind: 'tls'
      readonly to: Place
      readonly servername: string
      readonly text: string
      readonly through?: string
    }

/** An HTTP answer; for the others status 200 and what came back as the body (gRPC: `{words, from}` as JSON). */
export async function perform(request: Request): Promise<Answer> {
  const plain = (body: string): Answer => ({ status: 200, headers: {}, body })
  switch (request.kind) {
    case 'http1':
      return http1(request.call)
    case 'http2':
      return http2(request.call)
    case 'websocket':
      return plain(await webSocket(request.call, request.text))
    case 'grpc':
      return plain(JSON.stringify(await grpcCall(request.target, request.method, request.text, request)))
    case 'tcp':
      return plain(await tcpEcho(request.to, request.text, request.through))
    case 'tls':
      return plain(await tlsEcho(request.to, request.servername, request.text, request.through))
  }
}
