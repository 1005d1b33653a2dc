/** Sample applications: each says who it is, so that a test sees where its traffic went. */
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { WebSocketServer } from 'ws'
import type { App, AppSpec } from './app.ts'
import { startGrpcApp } from './grpc-echo.ts'

export type { App, AppSpec } from './app.ts'

/** What the HTTP applications answer, as JSON. */
export interface Echo {
  readonly app: string
  readonly version: string
  readonly method: string
  readonly path: string
  readonly httpVersion: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** For TLS: a self-signed certificate for `*.test.mesh` and `*.external.test`, of use for tests only. */
export const testCertificate = {
  cert: readFileSync(new URL('./certs/test-only-cert.pem', import.meta.url), 'utf8'),
  key: readFileSync(new URL('./certs/test-only-key.pem', import.meta.url), 'utf8'),
}

export async function startApp(spec: AppSpec): Promise<App> {
  if (spec.kind === 'grpc') return startGrpcApp(spec)
  const counter = { value: 0 }
  const server = serverFor(spec, counter)
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => sockets.delete(socket))
  })
  const address = spec.address ?? '127.0.0.1'
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: address, port: spec.port ?? 0 }, resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    name: spec.name,
    address,
    port,
    count: () => counter.value,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function serverFor(spec: AppSpec, counter: { value: number }): Server {
  switch (spec.kind) {
    case 'http':
      return httpServer(spec, counter)
    case 'http2':
      return createHttp2Server((request, response) => echo(spec, counter, request, response))
    case 'tcp':
      return createTcpServer((socket) => echoBytes(spec, counter, socket))
    case 'greeter':
      return createTcpServer((socket) => {
        socket.write(`hello from ${spec.name}\n`)
        echoBytes(spec, counter, socket)
      })
    case 'tls':
      return createTlsServer(testCertificate, (socket) => echoBytes(spec, counter, socket))
    default:
      throw new Error(`no such application: ${spec.kind}`)
  }
}

function httpServer(spec: AppSpec, counter: { value: number }): Server {
  const server = createServer((request, response) => echo(spec, counter, request, response))
  server.keepAliveTimeout = 0
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, request) => {
    counter.value++
    socket.on('message', (data) => socket.send(`${spec.name} ${request.url} ${data}`))
  })
  return server
}

type Request = IncomingMessage | Http2ServerRequest
type Response = ServerResponse | Http2ServerResponse

/** `?delay=MS` waits before the answer, `?status=N` answers so; the body is an Echo. */
function echo(spec: AppSpec, counter: { value: number }, request: Request, response: Response): void {
  counter.value++
  const query = new URL(request.url ?? '/', 'http://x').searchParams
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (chunk: string) => (body += chunk))
  request.on('error', () => {})
  request.on('end', () => {
    const answer: Echo = {
      app: spec.name,
      version: spec.version ?? '',
      method: request.method ?? '',
      path: request.url ?? '',
      httpVersion: request.httpVersion,
      headers: plainHeaders(request),
      body,
    }
    setTimeout(
      () => {
        response.statusCode = Number(query.get('status') ?? 200)
        response.setHeader('content-type', 'application/json')
        response.setHeader('x-app', spec.name)
        ;(response as ServerResponse).end(JSON.stringify(answer))
      },
      Number(query.get('delay') ?? 0),
    )
  })
}

function plainHeaders(request: Request): Record<string, string> {
  const entries = Object.entries(request.headers).map(([name, value]) => [name, String(value)])
  return Object.fromEntries(entries)
}

/** Each chunk comes back after the application's name (and the SNI that was asked for). */
function echoBytes(spec: AppSpec, counter: { value: number }, socket: Socket | TLSSocket): void {
  counter.value++
  const sni = 'servername' in socket && socket.servername ? ` ${socket.servername}` : ''
  socket.on('data', (chunk) => socket.write(`${spec.name}${sni} ${chunk}`))
  socket.on('end', () => socket.end())
  socket.on('error', () => socket.destroy())
}
