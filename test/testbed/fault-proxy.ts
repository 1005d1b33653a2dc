/** A way to a server that a test can break: an HTTP/1.1 reverse proxy, plain or TLS, that streams what it passes on. */
import { readFileSync } from 'node:fs'
import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, Agent as TlsAgent } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { answer, type Exchange, forward } from './fault-proxy-answers.ts'
import type { FaultMode, ProxiedRequest } from './fault-proxy-modes.ts'

export type { FaultMode, ProxiedAnswer, ProxiedRequest } from './fault-proxy-modes.ts'

export interface LoggedRequest extends ProxiedRequest {
  /** ms, `performance.now()` */
  readonly at: number
  /** Of the answer sent; undefined where there was none (yet). */
  status?: number
}

export interface FaultProxy {
  /** `http://127.0.0.1:PORT` + the path of the target's URL, or https. */
  readonly url: string
  readonly port: number
  /** Path of the PEM file by which the proxy's own certificate is checked, where it speaks TLS. */
  readonly caFile: string
  readonly log: readonly LoggedRequest[]
  /** Requests so far, or since `forget`, or only those that match. */
  requests(match?: (request: LoggedRequest) => boolean): number
  /** Empties the log. */
  forget(): void
  /** Client connections open now. */
  connections(): number
  /** From now on; with `when` only for the requests that match, the others pass. Resolves when it is in force. */
  mode(mode: FaultMode, when?: (request: ProxiedRequest) => boolean): Promise<void>
  /** Resets what is open now, whatever the mode. */
  cut(): void
  stop(): Promise<void>
}

export interface FaultProxyOptions {
  /** Speak TLS to clients; default: as the target does. */
  readonly tls?: boolean
  /** PEM texts of a client certificate, for a target that wants one. */
  readonly client?: { readonly cert: string; readonly key: string }
}

const certificate = (name: string) =>
  fileURLToPath(new URL(`../support/certs/test-only-${name}.pem`, import.meta.url))

/** The target is a URL or a plain `{ host, port }`; its certificate is not checked. */
export async function startFaultProxy(
  target: string | { readonly host: string; readonly port: number },
  options: FaultProxyOptions = {},
): Promise<FaultProxy> {
  const to = new URL(typeof target === 'string' ? target : `http://${target.host}:${target.port}`)
  const tls = options.tls ?? to.protocol === 'https:'
  // A connection for each request: what a pool holds from before a restart of the target would be a fault of its own.
  const agent =
    to.protocol === 'https:' ? new TlsAgent({ rejectUnauthorized: false, ...options.client }) : new Agent()
  const log: LoggedRequest[] = []
  /** By the client's address: a TLS socket itself can't reset. */
  const open = new Map<string, Socket>()
  const exchanges = new Set<Exchange>()
  let mode: FaultMode = 'pass'
  let when: ((request: ProxiedRequest) => boolean) | undefined

  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const asked = { method: request.method!, path: request.url!, headers: request.headers }
    const logged: LoggedRequest = { ...asked, at: performance.now() }
    log.push(logged)
    const told = (status: number) => {
      logged.status = status
    }
    const client = addressOf(request.socket)
    const reset = () => void open.get(client)?.resetAndDestroy()
    const exchange: Exchange = { asked, request, response, target: to, agent, told, reset, silent: false }
    exchanges.add(exchange)
    response.once('close', () => exchanges.delete(exchange))
    if (!when || when(asked)) answer(exchange, mode)
    else forward(exchange)
  }
  const accept = (socket: Socket) => {
    if (mode === 'cut' && !when) {
      socket.on('error', () => undefined)
      socket.resetAndDestroy()
      return
    }
    const client = addressOf(socket)
    open.set(client, socket)
    socket.on('error', () => undefined)
    socket.once('close', () => open.delete(client))
  }
  const create = (): Server => {
    const server = tls
      ? createTlsServer(
          { key: readFileSync(certificate('key')), cert: readFileSync(certificate('cert')) },
          handle,
        )
      : createServer(handle)
    server.on('connection', accept)
    // A client that keeps a connection finds it open, and none is closed for being slow.
    server.keepAliveTimeout = 0
    server.requestTimeout = 0
    server.headersTimeout = 0
    return server
  }
  const cut = () => {
    for (const socket of open.values()) socket.resetAndDestroy()
  }
  let server: Server | undefined = create()
  const listening = await listen(server, 0)
  const port = (listening.address() as AddressInfo).port

  const close = async () => {
    const it = server
    server = undefined
    if (!it) return
    const closed = new Promise<void>((resolve) => it.close(() => resolve()))
    cut()
    await closed
  }
  const change: FaultProxy['mode'] = async (next, limit) => {
    if (limit && next === 'refuse')
      throw new TypeError('refuse is of the whole port: use cut for some requests')
    mode = next
    when = limit
    if (mode === 'refuse') return close()
    if (!server) {
      const again = create()
      await listen(again, port)
      server = again
    }
    const affected = [...exchanges].filter((each) => !limit || limit(each.asked))
    if (mode === 'blackhole') for (const each of affected) each.silent = true
    if (mode === 'cut' && limit) for (const each of affected) each.reset()
    if (mode === 'cut' && !limit) cut()
    return undefined
  }
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}${to.pathname.replace(/\/$/, '')}`,
    port,
    caFile: certificate('cert'),
    log,
    requests: (match) => (match ? log.filter(match).length : log.length),
    forget: () => void log.splice(0),
    connections: () => open.size,
    mode: change,
    cut,
    async stop() {
      await close()
      agent.destroy()
    },
  }
}

const addressOf = (socket: Socket) => `${socket.remoteAddress}:${socket.remotePort}`

function listen(server: Server, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}
