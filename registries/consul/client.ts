/** Consul's HTTP API by the package `consul`, which only this file knows: sockets, TLS, tokens, time-outs. */
import { EventEmitter } from 'node:events'
import { type ClientRequest, Agent as HttpAgent, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import Consul from 'consul'
import type { ConsulConnection } from '#config/connections/consul.ts'
import { codeOfStatus, connectionError, registryError, shownUrl } from '../trouble.ts'
import { type ConsulAnswer, type ConsulClient, ConsulFailure, type ConsulRequest } from './answer.ts'
import { createToken, readTls } from './secrets.ts'

/** A larger answer is not read on: 50,000 instances are 25 MB of checks. */
const MAX_BYTES = 512 * 1_048_576

/** What the package's types leave out: papi's own requests and stages. */
interface Papi {
  _get(options: PapiRequest): Promise<PapiResponse>
  _ext(stage: 'onRequest', stageOf: (request: PapiStage, next: () => void) => void): void
  destroy(): void
}
interface PapiRequest {
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly timeout: number
  readonly buffer: true
  readonly ctx: EventEmitter
  /** Ours: the request on the wire, for what it says of its socket. */
  wire?: ClientRequest
}
interface PapiStage {
  readonly opts: PapiRequest
  transport: { request(options: object): ClientRequest }
}
interface PapiResponse extends IncomingMessage {
  readonly body?: Buffer
}

export function createConsulClient(connection: ConsulConnection): ConsulClient {
  const where = shownUrl(connection.address)
  const token = createToken(connection)
  let papi: Papi | undefined
  let renewTls: (() => void) | undefined

  async function ask(request: ConsulRequest, again: boolean): Promise<ConsulAnswer> {
    request.signal.throwIfAborted()
    const ctx = new EventEmitter()
    const cancel = () => ctx.emit('cancel')
    const options: PapiRequest = {
      path: request.path,
      query: { ...enterprise(connection), ...request.query },
      headers: token.headers(),
      timeout: request.timeout,
      buffer: true,
      ctx,
    }
    request.signal.addEventListener('abort', cancel, { once: true })
    try {
      if (papi === undefined) ({ papi, renewTls } = connect(connection))
      return toAnswer(await papi._get(options))
    } catch (error) {
      if (request.signal.aborted) throw error
      const response = (error as { response?: PapiResponse }).response
      if (response?.statusCode === 404) return toAnswer(response)
      if (response) {
        if (response.statusCode === 403 && again && token.renew(options.headers)) return ask(request, false)
        throw refused(response, `${where}/v1${request.path}`)
      }
      // A socket that was closed while it waited for us says nothing about the server.
      if (again && options.wire?.reusedSocket && isReset(error)) return ask(request, false)
      const failure = connectionError(plain(error), `${where}/v1${request.path}`)
      // Certificates may have been renewed in their files.
      if (failure.code === 'PH3007') renewTls?.()
      throw new ConsulFailure(failure)
    } finally {
      request.signal.removeEventListener('abort', cancel)
    }
  }
  return {
    get: (request) => ask(request, true),
    close() {
      papi?.destroy()
      papi = undefined
    },
  }
}

function connect({ address, auth, tls }: ConsulConnection) {
  const socket = address.startsWith('unix://') ? address.slice('unix://'.length) : undefined
  const pool = { keepAlive: true, maxFreeSockets: 2, scheduling: 'lifo' } as const
  const agent = address.startsWith('https:')
    ? new HttpsAgent({ ...pool, ...readTls(tls) })
    : new HttpAgent(pool)
  // Of new connections; those that are open stay.
  const renewTls = () => {
    try {
      if (agent instanceof HttpsAgent) Object.assign(agent.options, readTls(tls))
    } catch {
      // What was read last is still there, and the next failure comes here again.
    }
  }
  const base = new URL(`${socket === undefined ? address : 'http://localhost'}/v1`)
  if (auth !== undefined) {
    const [user = '', ...password] = auth.split(':')
    base.username = encodeURIComponent(user)
    base.password = encodeURIComponent(password.join(':'))
  }
  const options = { baseUrl: base.href, agent, ...(socket !== undefined && { socketPath: socket }) }
  const papi = new Consul(options as object) as unknown as Papi
  papi._ext('onRequest', (request, next) => {
    request.transport = guarded(request.transport, request.opts)
    next()
  })
  return { papi, renewTls }
}

/** The package waits for ever for the rest of an answer that was cut off, and reads one of any size. */
const guarded = (transport: PapiStage['transport'], options: PapiRequest): PapiStage['transport'] => ({
  request(wanted) {
    const request = transport.request(wanted)
    options.wire = request
    request.once('response', (response: IncomingMessage) => {
      let bytes = 0
      const fail = (message: string) => request.emit('error', new Error(message))
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes <= MAX_BYTES) return
        fail(`the answer has more than ${MAX_BYTES} bytes`)
        request.destroy()
      })
      response.on('error', (error) => request.emit('error', error))
      response.once('close', () => {
        if (!response.complete) fail('the answer was cut off')
      })
    })
    return request
  },
})

const enterprise = ({ namespace, partition }: ConsulConnection): Record<string, string> => ({
  ...(namespace !== undefined && { ns: namespace }),
  ...(partition !== undefined && { partition }),
})

function toAnswer({ statusCode, headers, body }: PapiResponse): ConsulAnswer {
  const text = (name: string) => String(headers[name] ?? '')
  const index = text('x-consul-index')
  return {
    status: statusCode ?? 0,
    text: body?.toString('utf8') ?? '',
    ...(/^\d{1,20}$/.test(index) && { index: Number(index) }),
    knownLeader: text('x-consul-knownleader') !== 'false',
    filtered: text('x-consul-results-filtered-by-acls') === 'true',
    lastContact: Number(text('x-consul-lastcontact')) || 0,
  }
}

/** Consul's own words are short texts; a page of a proxy in between is not shown whole. */
function refused({ statusCode = 0, body }: PapiResponse, what: string): ConsulFailure {
  const said = (body?.toString('utf8') ?? '').replace(/\s+/g, ' ').trim().slice(0, 160)
  const message = `${what}: status ${statusCode}${said === '' ? '' : `, ${said.replace(/\.$/, '')}`}.`
  if (/Enterprise feature/i.test(said)) {
    const remedy =
      'This Consul is no Enterprise: remove consulNamespace and partition (CONSUL_NAMESPACE, CONSUL_PARTITION).'
    return new ConsulFailure(registryError('PH3008', message, remedy), statusCode)
  }
  return new ConsulFailure(registryError(codeOfStatus(statusCode), message), statusCode)
}

/** The package puts its name before every message; OpenSSL's words are lines. */
function plain(error: unknown): unknown {
  if (error instanceof Error && !(error instanceof AggregateError))
    error.message = error.message
      .replace(/^consul: /, '')
      .replace(/\s+/g, ' ')
      .trim()
  return error
}

const isReset = (error: unknown): boolean =>
  ['ECONNRESET', 'EPIPE'].includes((error as { code?: string }).code ?? '') ||
  /socket hang up/.test((error as Error).message)
