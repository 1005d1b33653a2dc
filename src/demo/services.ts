/** The sample applications: each says who it is and, by its sidecar, what the next one said. */
import { Agent, createServer, request } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type DemoWorkload, hostOf } from './plan.ts'

/** What an application answers: the way of the request, as a chain. */
export interface Said {
  readonly app: string
  readonly version: string
  readonly next?: Said
}

/** A little work for each request, ms, so that there are always some on their way. */
const workTime = 10

export interface SampleApp {
  /** Closes its socket and all connections, as when its process ends. */
  stop(): Promise<void>
}

/** Listens on 127.0.0.1; calls the next service by `http://<ip>:15002`, its own sidecar's explicit proxy. */
export async function startSampleApp(workload: DemoWorkload): Promise<SampleApp> {
  const agent = new Agent({ keepAlive: true })
  const sockets = new Set<Socket>()
  const server = createServer(async (incoming, response) => {
    incoming.resume()
    response.setHeader('content-type', 'application/json')
    try {
      await sleep(workTime)
      const next = workload.calls ? await callNext(workload, agent) : undefined
      const said: Said = { app: workload.name, version: workload.version, next }
      response.end(`${JSON.stringify(said)}\n`)
    } catch (error) {
      response.statusCode = 502
      response.end(`${JSON.stringify({ app: workload.name, error: (error as Error).message })}\n`)
    }
  })
  // The sidecar keeps its connections; who closes an idle one may cut off a request that is on its way.
  server.keepAliveTimeout = 0
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(workload.appPort, '127.0.0.1', resolve)
  })
  return {
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
        agent.destroy()
      }),
  }
}

/** Asked once: who dies over a request is the sidecar's to get over. */
async function callNext(workload: DemoWorkload, agent: Agent): Promise<Said> {
  const host = hostOf(workload.calls!)
  const { status, body } = await get({ host: workload.ip, port: workload.outboundPort, agent }, host)
  if (status !== 200) throw new Error(`${host} answered ${status}: ${body.slice(0, 200)}`)
  return JSON.parse(body) as Said
}

/** GET / with a Host header, over a connection to `to`. */
export function get(
  to: { host: string; port: number; agent?: Agent },
  host: string,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...to, path: '/', headers: { host }, timeout: 10_000 })
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 10 s')))
    outgoing.on('error', reject)
    outgoing.on('response', (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body += chunk
      })
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
    outgoing.end()
  })
}
