/**
 * Under a steady load through real Envoys, the mesh changes hundreds of times; where a healthy endpoint remained, not one
 * request may fail. Each change is waited for at the Envoy, so all of it runs as fast as the Pilot and Envoy allow.
 */
import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type App, startApp } from '../support/apps.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { http1 } from '../support/clients.ts'
import { stat } from '../support/envoys.ts'
import { type EndpointSpec, serviceEntry } from '../support/istio.ts'
import { describe, type Load, startLoad } from '../support/traffic.ts'
import { type TestSidecar, type World, world } from '../support/world.ts'

const house = cleanup()
const host = 'churn.test.mesh'
const http = { number: 80, name: 'http', protocol: 'HTTP' } as const
/** How long a server goes on after it was taken out, as a drained VM does, ms. */
const grace = 1000
let it: World
let client: TestSidecar
let stable: App

before(async () => {
  it = await world(house)
  stable = house.add(await startApp({ kind: 'http', name: 'stable' }), (each) => each.stop())
  await it.put('churn', churnService([]))
  client = await it.sidecar({ name: 'client', ip: it.ip(1) })
  // The one endpoint that stays is a workload with a sidecar of its own, so the load crosses two Envoys.
  await it.sidecar({ name: 'stable', ip: it.ip(2) })
  await until('the first request', async () => (await http1({ to: client.outbound, host })).status === 200)
})
after(() => house.end())

const churnService = (others: readonly EndpointSpec[]) =>
  serviceEntry({
    host,
    ports: [http],
    endpoints: [{ address: it.ip(2), ports: { http: stable.port } }, ...others],
  })

/** Answers take a while, so that each change finds requests on their way. */
const load = (): Load => startLoad({ to: client.outbound, host, path: '/?delay=15', inFlight: 8, pause: 2 })

/** Requests that Envoy had to send again: none is lost by them, but an endpoint was still used when it was gone. */
const retries = async () => (await stat(client.envoy, `cluster.outbound|80||${host};.upstream_rq_retry`)) ?? 0

async function report(t: TestContext, running: Load, what: string, started: number): Promise<void> {
  const counts = await running.stop()
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  t.diagnostic(`${what} in ${seconds} s: ${describe(counts)}; sent again so far: ${await retries()}`)
  assert.equal(counts.failed, 0, describe(counts))
  assert.ok(counts.ok > 100, 'there was no load')
}

test('300 changes of endpoints: added, drained, removed', { timeout: 120_000 }, async (t) => {
  const running = load()
  const started = performance.now()
  const pool: { readonly app: App; draining: boolean }[] = []
  const ending: Promise<unknown>[] = []
  const times: number[] = []
  let made = 0
  const write = async () => {
    const changed = performance.now()
    const listed = pool.map(({ app, draining }) => endpointOf(app, draining))
    await it.put('churn', churnService(listed))
    await until('Envoy to hold the change', () => holds(pool))
    times.push(performance.now() - changed)
  }
  const counts = { added: 0, drained: 0, removed: 0 }
  for (let change = 0; change < 300; change++) {
    const oldest = pool[0]
    if (pool.length < 3 || (pool.length < 8 && change % 3 === 0)) {
      const app = await startApp({ kind: 'http', name: `app-${made++}` })
      pool.push({ app, draining: false })
      counts.added++
    } else if (oldest && !oldest.draining && change % 2 === 0) {
      oldest.draining = true
      counts.drained++
    } else {
      const [gone] = pool.splice(0, 1)
      counts.removed++
      await write()
      ending.push(sleep(grace).then(() => gone?.app.stop()))
      continue
    }
    await write()
  }
  await it.put('churn', churnService([]))
  await Promise.all([...ending, sleep(grace).then(() => Promise.all(pool.map(({ app }) => app.stop())))])
  times.sort((a, b) => a - b)
  const [median, slowest] = [times[times.length >> 1]!, times.at(-1)!].map(Math.round)
  t.diagnostic(
    `${JSON.stringify(counts)}; from the file to Envoy: median ${median} ms, slowest ${slowest} ms`,
  )
  await report(t, running, '300 changes of endpoints', started)
})

function endpointOf(app: App, draining: boolean): EndpointSpec {
  return {
    address: app.address,
    ports: { http: app.port },
    ...(draining && { labels: { 'pilothouse.io/health': 'draining' } }),
  }
}

/** Does the client's Envoy hold exactly these endpoints, in this state? */
async function holds(pool: readonly { readonly app: App; readonly draining: boolean }[]): Promise<boolean> {
  const { body } = await client.envoy.get('/clusters?format=json')
  const clusters = JSON.parse(body).cluster_statuses as ClusterStatus[]
  const hosts = clusters.find(({ name }) => name === `outbound|80||${host}`)?.host_statuses ?? []
  const seen = new Map(
    hosts.map((each) => [each.address.socket_address.port_value, each.health_status.eds_health_status]),
  )
  return (
    seen.size === pool.length + 1 &&
    pool.every(({ app, draining }) => seen.get(app.port) === (draining ? 'DRAINING' : 'HEALTHY'))
  )
}

interface ClusterStatus {
  readonly name: string
  readonly host_statuses?: readonly {
    readonly address: { readonly socket_address: { readonly port_value: number } }
    readonly health_status: { readonly eds_health_status: string }
  }[]
}

test('100 changes of workloads with sidecars: at once, or drained first', { timeout: 120_000 }, async (t) => {
  const running = load()
  const started = performance.now()
  const workloads = await Promise.all(
    [3, 4, 5].map(async (n) => {
      const app = house.add(await startApp({ kind: 'http', name: `vm-${n}` }), (each) => each.stop())
      await it.sidecar({ name: `vm-${n}`, ip: it.ip(n) })
      return { app, ip: it.ip(n), state: 'out' as 'out' | 'in' | 'draining' }
    }),
  )
  for (let change = 0; change < 100; change++) {
    const chosen = workloads[change % workloads.length]!
    // The Pilot takes the listener from the workload's own sidecar in the same moment as the endpoint from its clients.
    chosen.state =
      chosen.state === 'in' ? (change % 2 ? 'draining' : 'out') : chosen.state === 'out' ? 'in' : 'out'
    const listed = workloads.filter(({ state }) => state !== 'out')
    const endpoints = listed.map(({ app, ip, state }) => ({
      ...endpointOf(app, state === 'draining'),
      address: ip,
    }))
    await it.put('churn', churnService(endpoints))
    await until('Envoy to hold the change', () =>
      holds(listed.map(({ app, state }) => ({ app, draining: state === 'draining' }))),
    )
    await sleep(20)
  }
  const served = workloads.map(({ app }) => app.count())
  assert.ok(
    served.every((count) => count > 20),
    `each must have served: ${served}`,
  )
  await it.put('churn', churnService([]))
  await report(t, running, '100 changes of workloads with sidecars', started)
})

test('200 changes of services: they come and go', { timeout: 120_000 }, async (t) => {
  const running = load()
  const started = performance.now()
  const other = house.add(await startApp({ kind: 'http', name: 'other' }), (each) => each.stop())
  const ask = async (name: string) => (await http1({ to: client.outbound, host: name })).status
  for (let round = 0; round < 100; round++) {
    const name = `service-${round}.test.mesh`
    const endpoints = [{ address: other.address, ports: { http: other.port } }]
    await it.put(`service-${round}`, serviceEntry({ host: name, ports: [http], endpoints }))
    await until(`${name} to answer`, async () => (await ask(name)) === 200)
    // Some stay for a while, so that services come and go beside each other.
    const leaving = round >= 5 ? round - 5 : undefined
    if (leaving !== undefined) await it.remove(`service-${leaving}`)
  }
  for (let round = 95; round < 100; round++) await it.remove(`service-${round}`)
  await until('the last one to be gone', async () => (await ask('service-99.test.mesh')) !== 200)
  assert.equal(other.count() >= 100, true)
  await report(t, running, '200 changes of services', started)
})

test('200 restarts of the Pilot, with a change while it is away', { timeout: 240_000 }, async (t) => {
  const running = load()
  const started = performance.now()
  const app = house.add(await startApp({ kind: 'http', name: 'extra' }), (each) => each.stop())
  const extra = { app, draining: false }
  for (let restart = 0; restart < 200; restart++) {
    const listed = restart % 2 === 0 ? [extra] : []
    await it.pilot.stop()
    await it.put('churn', churnService(listed.map((each) => endpointOf(each.app, false))))
    await it.pilot.restart()
    await until('Envoy to be back and hold the change', () => holds(listed), 20_000)
  }
  const state = await stat(client.envoy, 'control_plane.connected_state')
  assert.equal(state, 1)
  await report(t, running, '200 restarts', started)
})
