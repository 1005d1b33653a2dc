/**
 * Requests to Eureka by eureka-js-client: its transport and its life cycle. Its cache is not used, and neither are its
 * timers and retries (they overlap and outlive `stop`), its configuration files and its log, which would show
 * credentials. No other file imports the package.
 */
import { readFileSync } from 'node:fs'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { Eureka, type RequestOptions } from 'eureka-js-client'
import { type SchedulerLike, Subscription } from 'rxjs'
import type { EurekaServer } from './service-urls.ts'

/** `failed`: there was no answer, or not all of it. */
export type Reply =
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly body: string
      /** The server's clock, ms. */
      readonly date?: number
      /** ms */
      readonly retryAfter?: number
    }
  | { readonly kind: 'failed'; readonly error: unknown }

/** `path` begins at the server's URL, e.g. `/apps/delta`. Never rejects. */
export type Ask = (server: EurekaServer, path: string, timeout?: number) => Promise<Reply>

export interface ClientOptions {
  readonly clock: SchedulerLike
  /** Of a whole request, ms. */
  readonly timeout: number
  readonly caFile?: string
  readonly certFile?: string
  readonly keyFile?: string
  /** One look at the servers. */
  readonly poll: (ask: Ask) => Promise<Polled>
}

export interface Polled {
  /** Until the next look, ms. */
  readonly wait: number
  /** Called when the next look is planned: whoever hears it may stop the client. */
  readonly tell: () => void
}

export interface EurekaClient {
  start(): void
  /** Ends timers, requests and sockets at once. */
  stop(): void
}

export const eurekaClient = (options: ClientOptions): EurekaClient => new PollingEureka(options)

class PollingEureka extends Eureka {
  readonly #options: ClientOptions
  readonly #plain = new HttpAgent()
  #secure: HttpsAgent | undefined
  #server: EurekaServer | undefined
  #timer: Subscription | undefined
  /** Of the one request at a time. */
  #overdue: Subscription | undefined
  #stopped = false

  constructor(options: ClientOptions) {
    const pass = (request: RequestOptions, done: (request: RequestOptions) => void) =>
      done(this.#request(request))
    super({
      // A directory that can't be: it would merge an eureka-client.yml of the working directory.
      cwd: '/dev/null',
      logger: silent,
      requestMiddleware: pass,
      eureka: {
        // Without a host of its own; `clusterResolver` below says whom to ask.
        serviceUrls: { default: [''] },
        registerWithEureka: false,
        fetchRegistry: true,
        fetchMetadata: false,
        maxRetries: 0,
      },
    })
    this.#options = options
    this.clusterResolver = { resolveEurekaUrl: (callback) => callback(null, this.#server?.url) }
  }

  /** Its interval fetches again while a fetch is on its way; here each fetch plans the next. */
  override startRegistryFetches(): void {}

  override fetchRegistry(callback: (error?: unknown) => void = () => {}): void {
    void this.#options.poll(this.#ask).then(({ wait, tell }) => {
      callback(null)
      if (this.#stopped) return
      this.#timer = this.#options.clock.schedule(() => this.fetchRegistry(), wait)
      tell()
    })
  }

  override stop(callback?: (error?: unknown) => void): void {
    this.#stopped = true
    this.#timer?.unsubscribe()
    this.#overdue?.unsubscribe()
    this.#cut()
    super.stop(callback)
  }

  readonly #ask: Ask = (server, path, timeout = this.#options.timeout) =>
    new Promise((resolve) => {
      const overdue = new Subscription()
      const end = (reply: Reply) => {
        overdue.unsubscribe()
        resolve(reply)
      }
      if (this.#stopped) return end({ kind: 'failed', error: new Error('stopped') })
      // The timeout of its transport is for each read: one byte a second would keep it for ever.
      this.#overdue = overdue
      const late = () => {
        end({ kind: 'failed', error: new Error(`no answer within ${timeout} ms`) })
        this.#cut()
      }
      overdue.add(this.#options.clock.schedule(late, timeout))
      this.#server = server
      try {
        this.eurekaRequest(
          { uri: path, headers: { Accept: 'application/json' } },
          (error, response, body) => {
            if (error || !response) return end({ kind: 'failed', error: error ?? new Error('no answer') })
            const date = Date.parse(String(response.headers.date))
            const retryAfter = Number(response.headers['retry-after']) * 1000
            end({
              kind: 'answer',
              status: response.statusCode,
              body: String(body),
              ...(Number.isNaN(date) ? {} : { date }),
              ...(retryAfter > 0 ? { retryAfter } : {}),
            })
          },
        )
      } catch (error) {
        end({ kind: 'failed', error })
      }
    })

  #request(request: RequestOptions): RequestOptions {
    const { url = '', user, password = '' } = this.#server ?? {}
    const credentials = user === undefined ? undefined : Buffer.from(`${user}:${password}`).toString('base64')
    return {
      ...request,
      headers: { ...request.headers, ...(credentials ? { Authorization: `Basic ${credentials}` } : {}) },
      agent: url.startsWith('https:') ? this.#secureAgent() : this.#plain,
      timeout: this.#options.timeout,
      // Credentials are for the server that was named.
      followRedirect: false,
      proxy: null,
    }
  }

  /** Files are read at each connection, so that renewed ones are used. */
  #secureAgent(): HttpsAgent {
    const { caFile, certFile, keyFile } = this.#options
    const read = (file: string | undefined) => (file === undefined ? undefined : readFileSync(file))
    this.#secure?.destroy()
    this.#secure = new HttpsAgent({ ca: read(caFile), cert: read(certFile), key: read(keyFile) })
    return this.#secure
  }

  #cut(): void {
    this.#plain.destroy()
    this.#secure?.destroy()
  }
}

const silent = { debug() {}, info() {}, warn() {}, error() {} }
