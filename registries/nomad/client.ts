/** Nomad's HTTP API: one pool of connections for questions, one connection of its own for each event stream. */
import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { join } from 'node:path'
import { buildConnector, Pool } from 'undici'
import type { NomadConnection, NomadTls } from '#config/connections/nomad.ts'
import type { PilotError } from '#model/issue.ts'
import { codeOfStatus, connectionError, registryError, shownUrl } from '../trouble.ts'
import type { Answer, Ask, NomadClient, Query } from './api.ts'

/** Concurrent connections; blocking questions hold one each. */
const CONNECTIONS = 32
const CONNECT_TIMEOUT = 5000
/** A line longer than this is not of Nomad. */
const LONGEST_LINE = 32 * 1024 * 1024

/** Opens nothing by itself. `timeout`: for a question that needs not wait, ms. */
export function createNomadClient(connection: NomadConnection, timeout = 10_000): NomadClient {
  const where = createWhere(connection)
  const pool = new Pool(where.origin, {
    connections: CONNECTIONS,
    pipelining: 1,
    allowH2: false,
    // The files are read at each connection: certificates are renewed while we run.
    connect: (options, callback) =>
      buildConnector({ ...where.options(), timeout: CONNECT_TIMEOUT, allowH2: false })(options, callback),
  })
  const headers = async () => headersOf(connection)
  return {
    place: where.place,
    get: async (ask) => get(pool, where, ask, await headers(), timeout),
    stream: async (query, hear, signal) => follow(where, query, hear, signal, await headers()),
    close: () => void pool.destroy().catch(() => undefined),
  }
}

interface Where {
  /** As it may be shown. */
  readonly place: string
  readonly origin: string
  readonly secure: boolean
  readonly region?: string
  /** For a socket: TLS, or the path. @throws a file's error */
  options(): TlsFiles & { readonly socketPath?: string }
}

function createWhere({ address, region, tls }: NomadConnection): Where {
  const url = new URL(address)
  const unix = url.protocol === 'unix:'
  return {
    place: shownUrl(address),
    // The name of a socket's other end is of no account.
    origin: unix ? 'http://localhost' : url.origin,
    secure: url.protocol === 'https:',
    ...(region === undefined ? {} : { region }),
    options: () => ({
      ...(unix ? { socketPath: decodeURIComponent(url.pathname) } : {}),
      ...(url.protocol === 'https:' ? readTls(tls) : {}),
    }),
  }
}

interface TlsFiles {
  readonly ca?: string[]
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
}

const text = (path: string) => readFileSync(path, 'utf8')

function readTls({ ca, caPath, cert, key, serverName, skipVerify }: NomadTls): TlsFiles {
  const directory = ca === undefined && caPath !== undefined ? readdirSync(caPath) : []
  const authorities = [...(ca ? [ca] : []), ...directory.map((name) => join(caPath!, name))]
  return {
    ...(authorities.length > 0 ? { ca: authorities.map(text) } : {}),
    ...(cert === undefined || key === undefined ? {} : { cert: text(cert), key: text(key) }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    rejectUnauthorized: !skipVerify,
  }
}

async function headersOf({ token, tokenFile, httpAuth }: NomadConnection): Promise<Record<string, string>> {
  // Read each time: a task's identity is renewed in place.
  const fresh = tokenFile && (await readFile(tokenFile, 'utf8').catch(() => '')).trim()
  const used = fresh || token
  return {
    accept: 'application/json',
    ...(used ? { 'x-nomad-token': used } : {}),
    ...(httpAuth ? { authorization: `Basic ${Buffer.from(httpAuth).toString('base64')}` } : {}),
  }
}

function pathOf(path: string, query: Query, region: string | undefined): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries({ region, ...query }))
    for (const each of Array.isArray(value) ? value : [value])
      if (each !== undefined) search.append(name, String(each))
  return search.size > 0 ? `${path}?${search}` : path
}

async function get(
  pool: Pool,
  where: Where,
  ask: Ask,
  headers: Record<string, string>,
  quick: number,
): Promise<Answer> {
  const { path, query = {}, wait, signal } = ask
  const shown = `${where.place}${path}`
  // Nomad adds up to a sixteenth of the wait.
  const timeout = wait === undefined ? quick : wait + wait / 16 + quick
  const waiting = wait === undefined ? query : { ...query, wait: `${wait}ms` }
  try {
    const answer = await pool.request({
      method: 'GET',
      path: pathOf(path, waiting, where.region),
      headers,
      signal,
      headersTimeout: timeout,
      bodyTimeout: quick,
    })
    const body = await answer.body.text()
    if (answer.statusCode !== 200) return refusal(answer.statusCode, body, shown)
    const index = Number(answer.headers['x-nomad-index'])
    return { ok: true, index: Number.isSafeInteger(index) ? index : 0, body: JSON.parse(body) }
  } catch (error) {
    if (error instanceof SyntaxError)
      return { ok: false, error: registryError('PH3005', `${shown}: the answer is not JSON.`) }
    return { ok: false, error: connectionError(error, where.place) }
  }
}

function refusal(status: number, body: string, shown: string): Answer {
  const said = body.replaceAll(/\s+/g, ' ').trim().slice(0, 200)
  const message = `${shown}: status ${status}${said ? `, "${said}"` : ''}.`
  return { ok: false, status, error: registryError(codeOfStatus(status), message) }
}

/** Resolves when the stream has ended, with why. */
function follow(
  where: Where,
  query: Query,
  hear: (line: string) => void,
  signal: AbortSignal,
  headers: Record<string, string>,
): Promise<PilotError> {
  const url = new URL(pathOf('/v1/event/stream', query, where.region), where.origin)
  return new Promise((resolve) => {
    const end = (error: unknown) => resolve(connectionError(error, `${where.place}/v1/event/stream`))
    try {
      const options: RequestOptions = {
        ...where.options(),
        headers,
        signal,
        agent: false,
        // Nomad 1.10.8 to 1.11.2 answer "HTTP/0.0" here, which no strict parser takes (hashicorp/nomad#27582).
        insecureHTTPParser: true,
      }
      const asked = (where.secure ? httpsRequest : httpRequest)(url, options, (answer) => {
        if (answer.statusCode === 200) return readLines(answer, hear, end)
        answer.resume()
        end(new Error(`status ${answer.statusCode}`))
        asked.destroy()
      })
      asked.on('error', end)
      asked.end()
    } catch (error) {
      end(error)
    }
  })
}

function readLines(
  answer: IncomingMessage,
  hear: (line: string) => void,
  end: (error: unknown) => void,
): void {
  let rest = ''
  answer.setEncoding('utf8')
  answer.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    for (const line of lines) hear(line)
    if (rest.length > LONGEST_LINE) answer.destroy(new Error('a line without an end'))
  })
  answer.on('error', end)
  answer.on('close', () => end(new Error('the stream has ended')))
}
