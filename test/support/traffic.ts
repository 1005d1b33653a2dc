/** A steady load over kept-alive connections, counted. */
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Place } from './clients.ts'

export interface LoadOptions {
  readonly to: Place
  readonly host: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Requests in flight at once. */
  readonly inFlight: number
  /** Pause of each of them between two requests, ms. */
  readonly pause?: number
  readonly timeout?: number
}

export interface LoadCounts {
  ok: number
  failed: number
  /** The first twenty failures, with time, status or error, and Envoy's reason. */
  readonly failures: string[]
  /** Answers by the application's name (header `x-app`). */
  readonly byApp: Map<string, number>
}

export interface Load {
  readonly counts: LoadCounts
  /** Lets the requests in flight end. */
  stop(): Promise<LoadCounts>
}

export function startLoad(options: LoadOptions): Load {
  const counts: LoadCounts = { ok: 0, failed: 0, failures: [], byApp: new Map() }
  const agent = new Agent({ keepAlive: true, maxSockets: options.inFlight })
  let running = true
  const worker = async () => {
    while (running) {
      const failure = await once(options, agent, counts)
      if (failure === undefined) counts.ok++
      else {
        counts.failed++
        if (counts.failures.length < 20) counts.failures.push(`${new Date().toISOString()} ${failure}`)
      }
      await sleep(options.pause ?? 5)
    }
  }
  const workers = Array.from({ length: options.inFlight }, worker)
  return {
    counts,
    async stop() {
      running = false
      await Promise.all(workers)
      agent.destroy()
      return counts
    },
  }
}

/** Undefined if answered 200, else what went wrong. */
function once(options: LoadOptions, agent: Agent, counts: LoadCounts): Promise<string | undefined> {
  return new Promise((resolve) => {
    const outgoing = request({
      ...options.to,
      agent,
      path: options.path ?? '/',
      headers: { ...options.headers, host: options.host },
      timeout: options.timeout ?? 10_000,
    })
    outgoing.on('timeout', () => outgoing.destroy(new Error('timeout')))
    outgoing.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    outgoing.on('response', (response) => {
      const app = String(response.headers['x-app'] ?? '')
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (body += chunk))
      response.on('error', (error) => resolve(`answer broken off: ${error.message}`))
      response.on('end', () => {
        if (response.statusCode !== 200) return resolve(`${response.statusCode} ${body.slice(0, 200)}`)
        counts.byApp.set(app, (counts.byApp.get(app) ?? 0) + 1)
        resolve(undefined)
      })
    })
    outgoing.end()
  })
}

/** `12345 requests, 0 failed (a 6000, b 6345)`, and what failed first. Many applications are only counted. */
export function describe(counts: LoadCounts): string {
  const apps = [...counts.byApp].map(([name, count]) => `${name} ${count}`)
  const who = apps.length > 6 ? `by ${apps.length} applications` : apps.join(', ')
  const head = `${counts.ok + counts.failed} requests, ${counts.failed} failed (${who})`
  return counts.failed === 0 ? head : `${head}\n${counts.failures.join('\n')}`
}
