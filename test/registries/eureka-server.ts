/** A small Eureka server in this process: what the real one answers, and every way to answer wrongly. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { reconcileHash } from '#registries/eureka/catalogue.ts'
import { parseApplications } from '#registries/eureka/wire.ts'

export interface FakeInstance {
  readonly app: string
  readonly address: string
  readonly id?: string
  readonly status?: string
  readonly port?: number
  readonly more?: Readonly<Record<string, unknown>>
}

type Raw = Readonly<Record<string, unknown>> & { readonly app: string; readonly instanceId: string }
export type Answer = (path: string, response: ServerResponse) => boolean

export interface FakeEureka {
  readonly url: string
  /** Registered, or registered anew with other facts. */
  put(instance: FakeInstance): void
  /** Deregistered: the deltas say so, unless `silently`. */
  remove(app: string, id: string, silently?: boolean): void
  ids(): readonly string[]
  /** As the real one: all it knew is gone, also its deltas. */
  restart(): void
  /** Answers instead of it while it gives true; undefined: none. */
  misbehave(answer: Answer | undefined): void
  /** Connections are refused, open ones cut. */
  down(): Promise<void>
  up(): Promise<void>
  /** Paths asked for, with the Authorization header in front where there was one. */
  readonly asked: string[]
  sockets(): number
  stop(): Promise<void>
}

export async function fakeEureka(): Promise<FakeEureka> {
  let clock = 1_000_000
  let misbehaviour: Answer | undefined
  const instances = new Map<string, Raw>()
  const changes: Raw[] = []
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    const path = request.url!.replace(/^\/eureka/, '')
    asked.push([request.headers.authorization, path].filter(Boolean).join(' '))
    if (misbehaviour?.(path, response)) return
    if (path === '/apps') answer(response, [...instances.values()])
    else if (path === '/apps/delta') answer(response, changes)
    else response.writeHead(404).end()
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const listen = (port: number) =>
    new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port }, resolve))
  await listen(0)
  const { port } = server.address() as AddressInfo

  function answer(response: ServerResponse, list: readonly Raw[]): void {
    const apps = Map.groupBy(list, ({ app }) => app)
    const application = [...apps].map(([name, instance]) => ({ name, instance }))
    const all = parseApplications(
      JSON.stringify({ applications: { application: [{ instance: [...instances.values()] }] } }),
    )
    const hash = typeof all === 'string' ? '' : reconcileHash(all.instances)
    const body = JSON.stringify({ applications: { versions__delta: '1', apps__hashcode: hash, application } })
    response.writeHead(200, { 'content-type': 'application/json' }).end(body)
  }
  function close(): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    return closed
  }
  return {
    url: `http://127.0.0.1:${port}/eureka`,
    put(it) {
      const raw = rawInstance(it, ++clock)
      const known = instances.get(`${raw.app}/${raw.instanceId}`)
      const next = known && { ...raw, leaseInfo: known.leaseInfo, actionType: 'MODIFIED' }
      instances.set(`${raw.app}/${raw.instanceId}`, next ?? raw)
      changes.push(next ?? raw)
    },
    remove(app, id, silently = false) {
      const raw = instances.get(`${app}/${id}`)
      instances.delete(`${app}/${id}`)
      if (!silently && raw) changes.push({ ...raw, actionType: 'DELETED' })
    },
    ids: () => [...instances.keys()],
    restart() {
      instances.clear()
      changes.length = 0
    },
    misbehave(next) {
      misbehaviour = next
    },
    down: close,
    up: () => listen(port),
    asked,
    sockets: () => sockets.size,
    stop: () => (server.listening ? close() : Promise.resolve()),
  }
}

export function rawInstance(
  { app, address, id, status = 'UP', port = 8080, more }: FakeInstance,
  at: number,
): Raw {
  return {
    instanceId: id ?? `${address}:${app.toLowerCase()}`,
    hostName: address,
    app: app.toUpperCase(),
    ipAddr: address,
    status,
    overriddenStatus: 'UNKNOWN',
    port: { $: port, '@enabled': 'true' },
    securePort: { $: 443, '@enabled': 'false' },
    dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
    leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90, registrationTimestamp: at },
    metadata: { '@class': 'java.util.Collections$EmptyMap' },
    vipAddress: app.toLowerCase(),
    secureVipAddress: app.toLowerCase(),
    lastDirtyTimestamp: String(at),
    actionType: 'ADDED',
    ...more,
  }
}
