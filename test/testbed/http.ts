/** Requests to a server's API: one connection each, so that nothing is left open and no pool hides a fault. */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

export interface CallOptions {
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  /** PEM; without it a TLS server's certificate is not checked. */
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly socketPath?: string
  /** ms, default 30 s. */
  readonly timeout?: number
}

/** The server answered, but with an error status. */
export class StatusError extends Error {
  readonly status: number
  readonly body: string
  constructor(what: string, answer: Answer) {
    super(`${what}: ${answer.status} ${answer.text.slice(0, 500)}`)
    this.name = 'StatusError'
    this.status = answer.status
    this.body = answer.text
  }
}

/** Any status is an answer; throws where there is none. */
export function call(method: string, url: string, options: CallOptions = {}): Promise<Answer> {
  const { body, headers, ca, cert, key, socketPath, timeout = 30_000 } = options
  const request = url.startsWith('https:') ? httpsRequest : httpRequest
  const tls = { ca, cert, key, rejectUnauthorized: ca !== undefined }
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  return new Promise((resolve, reject) => {
    const asked = request(
      url,
      { method, headers: { ...length, ...headers }, agent: false, socketPath, timeout, ...tls },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.once('error', reject)
        answer.once('end', () =>
          resolve({
            status: answer.statusCode!,
            headers: answer.headers,
            text: Buffer.concat(chunks).toString(),
          }),
        )
      },
    )
    asked.once('error', reject)
    asked.once('timeout', () => asked.destroy(new Error(`${method} ${url}: no answer within ${timeout} ms`)))
    asked.end(body)
  })
}

/** Tests read a server's JSON and say themselves what they expect. */
// biome-ignore lint/suspicious/noExplicitAny: its shape is the server's
export type ForeignJson = any

/** JSON in, JSON out (`undefined` for an empty body); StatusError from 400 on. */
export type Api = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<ForeignJson>

/** `defaults()` is asked at each call: a token may change at a restart. */
export function jsonApi(url: string, defaults: () => CallOptions = () => ({})): Api {
  return async (method, path, body, headers) => {
    const given = defaults()
    const answer = await call(method, url + path, {
      ...given,
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...given.headers,
        ...headers,
      },
    })
    if (answer.status >= 400) throw new StatusError(`${method} ${path}`, answer)
    if (answer.text === '') return undefined
    try {
      return JSON.parse(answer.text)
    } catch {
      return answer.text
    }
  }
}
