/**
 * One plaintext port for gRPC and REST: the first bytes of a connection say which it is. HTTP/2 without TLS
 * begins with a fixed preface (RFC 9113, 3.4), HTTP/1.1 with a method; all else is closed at once.
 */
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net'
import { problem, type RestAnswer, type RestHandler } from './rest.ts'

export interface ListenerOptions {
  /** Takes over connections that speak HTTP/2. */
  readonly http2: (socket: Socket, peer: string) => void
  readonly rest: RestHandler
  /** A connection that says nothing for so long is closed. */
  readonly firstBytesMs: number
  readonly maxBodyBytes: number
  readonly maxConnections: number
  /** A connection was closed because it speaks neither. */
  readonly garbage: (peer: string) => void
}

export interface SharedListener {
  readonly address: string
  readonly port: number
  /** Destroys the connection of this peer (`address:port`), if it is ours. */
  cut(peer: string): void
  /** Takes no more connections. */
  stop(): void
  /** And ends those there are. */
  close(): Promise<void>
}

/** `host:port`, with brackets around an IPv6 address. Rejects if the port can't be bound. */
export async function listenShared(address: string, options: ListenerOptions): Promise<SharedListener> {
  const sockets = new Map<string, Socket>()
  const http = createHttpServer(options)
  const server = createNetServer({ noDelay: true }, (socket) => {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`
    sockets.set(peer, socket)
    socket.on('close', () => {
      if (sockets.get(peer) === socket) sockets.delete(peer)
    })
    // A reset is no news; whoever uses the connection notices its end.
    socket.on('error', () => socket.destroy())
    classify(socket, peer, http, options)
  })
  server.maxConnections = options.maxConnections
  const bound = await bind(server, address)
  return {
    ...bound,
    cut: (peer) => void sockets.get(peer)?.destroy(),
    stop: () => void server.close(),
    close: () =>
      new Promise((resolve) => {
        if (server.listening) server.close(() => resolve())
        else resolve()
        for (const socket of sockets.values()) socket.destroy()
        http.close()
      }),
  }
}

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
/** The methods that some path here knows, or that deserve a readable answer. */
const methods = /^(GET|PUT|POST|HEAD|PATCH|DELETE|OPTIONS) /
/** Enough to tell the longest method from the preface. */
const decisive = 8

function classify(socket: Socket, peer: string, http: HttpServer, options: ListenerOptions): void {
  let head = Buffer.alloc(0)
  socket.setTimeout(options.firstBytesMs, () => socket.destroy())

  function look(): void {
    const chunk: Buffer | null = socket.read()
    if (chunk === null) return
    head = Buffer.concat([head, chunk])
    const length = Math.min(head.length, preface.length)
    const http2 = preface.compare(head, 0, length, 0, length) === 0
    const http1 = methods.test(head.toString('latin1', 0, decisive))
    if (!http2 && !http1 && (head.length >= decisive || !isWord(head))) {
      options.garbage(peer)
      socket.destroy()
    } else if (http1 || (http2 && head.length >= decisive)) {
      socket.off('readable', look)
      socket.setTimeout(0)
      socket.removeAllListeners('timeout')
      socket.unshift(head)
      if (http2) options.http2(socket, peer)
      else http.emit('connection', socket)
    }
  }
  socket.on('readable', look)
}

const isWord = (head: Buffer): boolean => /^[A-Z]+ ?$/.test(head.toString('latin1'))

function createHttpServer({ rest, maxBodyBytes, firstBytesMs }: ListenerOptions): HttpServer {
  const timeouts = {
    keepAliveTimeout: 120_000,
    headersTimeout: firstBytesMs,
    requestTimeout: 2 * firstBytesMs,
    connectionsCheckingInterval: Math.min(5_000, firstBytesMs / 2),
  }
  const server = createServer(timeouts, (request, response) => {
    answer(request, rest, maxBodyBytes).then(
      (result) => reply(response, result),
      () => response.destroy(),
    )
  })
  // It listens by the port of others; without this event it would enforce none of its timeouts.
  server.emit('listening')
  return server.setTimeout(firstBytesMs)
}

/** Rejects only if the client goes away. */
async function answer(
  request: IncomingMessage,
  rest: RestHandler,
  maxBodyBytes: number,
): Promise<RestAnswer> {
  if (request.method !== 'POST') {
    return problem(
      405,
      'XDS_REST_METHOD',
      `${request.method} is not served here`,
      'use POST; for reading see the admin port',
    )
  }
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBodyBytes) {
      return problem(
        413,
        'XDS_REST_SIZE',
        `the body exceeds ${maxBodyBytes} bytes`,
        'raise the message size limit',
      )
    }
    chunks.push(chunk)
  }
  return rest(request.url ?? '/', Buffer.concat(chunks).toString())
}

function reply(response: ServerResponse, { status, body }: RestAnswer): void {
  if (status === 413) response.setHeader('connection', 'close')
  if (body !== '') response.setHeader('content-type', 'application/json')
  response.writeHead(status).end(body)
}

function bind(server: NetServer, address: string): Promise<{ address: string; port: number }> {
  const [, bracketed, plain, port] = /^(?:\[(.+)\]|([^:]*)):(\d+)$/.exec(address) ?? []
  if (port === undefined) return Promise.reject(new Error(`not an address: ${address}; use host:port`))
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: bracketed ?? plain, port: Number(port), backlog: 4096 }, () => {
      server.off('error', reject)
      const bound = server.address()
      if (bound === null || typeof bound === 'string') reject(new Error(`not bound: ${address}`))
      else resolve({ address: bound.address, port: bound.port })
    })
  })
}
