/** A sidecar that asks on demand: it loads what it calls, when it first calls it, and hears of nothing else. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { type App, startApp } from '../support/apps.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { http1, http2, type Place, tcpEcho } from '../support/clients.ts'
import { stat } from '../support/envoys.ts'
import { serviceEntry, sidecarResource } from '../support/istio.ts'
import { type Bootstrap, listens, type TestSidecar, type World, world } from '../support/world.ts'

const house = cleanup()
after(() => house.end())
let mesh: World
let a: App
let b: App
before(async () => {
  a = house.add(await startApp({ kind: 'http', name: 'a' }), (app) => app.stop())
  b = house.add(await startApp({ kind: 'http', name: 'b' }), (app) => app.stop())
  const many = Array.from({ length: 300 }, (_, i) => service(`many-${i}.example`, a))
  mesh = await world(house, { files: { many } })
})

const service = (host: string, ...apps: readonly App[]) =>
  serviceEntry({
    host,
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
    endpoints: apps.map(({ address, port }) => ({ address, ports: { http: port } })),
  })

const onDemand = (bootstrap: Bootstrap) => {
  bootstrap.node.metadata.PILOTHOUSE_ON_DEMAND = 'true'
  return bootstrap
}
let sidecars = 0
const start = (change = onDemand, more: object = {}) => {
  const n = ++sidecars
  return mesh.sidecar({ name: `client-${n}`, ip: mesh.ip(n), change, ...more })
}
const clusters = async ({ envoy }: TestSidecar) => (await stat(envoy, 'cluster_manager.active_clusters')) ?? 0
const call = (to: Place, host: string, more: object = {}) => http1({ to, host, timeout: 8000, ...more })
/** Who answered, or what Envoy itself said. */
const answerer = async (to: Place, host: string): Promise<string> => {
  const { status, headers, body } = await call(to, host)
  return headers['x-app'] ?? `${status} ${body}`
}
async function timed<T>(work: Promise<T>): Promise<[T, ms: number]> {
  const from = performance.now()
  return [await work, performance.now() - from]
}

test('it starts with no service, and loads each with the first request for it', async (t) => {
  const it = await start()
  const atStart = await clusters(it)
  assert.ok(atStart <= 5, `${atStart} clusters at the start`)
  const [first, ms] = await timed(call(it.outbound, 'many-1.example'))
  assert.equal(first.status, 200)
  assert.equal(await clusters(it), atStart + 1)
  const [, again] = await timed(call(it.outbound, 'many-1.example'))
  t.diagnostic(
    `${atStart} clusters at the start; first request ${ms.toFixed(1)} ms, second ${again.toFixed(1)} ms`,
  )
  assert.equal((await call(it.outbound, 'many-1.example:80')).status, 200)
  assert.equal(await clusters(it), atStart + 1, 'another name for it, no other cluster')

  const body = 'x'.repeat(300_000)
  const posted = await call(it.outbound, 'many-2.example', { method: 'POST', body })
  assert.equal(JSON.parse(posted.body).body, body, 'also with a body')
  assert.equal((await http2({ to: it.outbound, host: 'many-3.example' })).status, 200)
  const together = await Promise.all(
    Array.from({ length: 40 }, (_, i) => answerer(it.outbound, `many-${10 + (i % 20)}.example`)),
  )
  assert.deepEqual([...new Set(together)], ['a'], 'many at once')
  assert.equal(await clusters(it), atStart + 23)
})

test('a change reaches who has the service, and nobody else', async () => {
  const [user, other] = [await start(), await start()]
  await mesh.put('moving', service('moving.example', a))
  await until('the service', async () => (await answerer(user.outbound, 'moving.example')) === 'a')
  await call(other.outbound, 'many-4.example')
  const heard = async () => (await other.envoy.get('/stats?filter=update_(attempt|success)$')).body
  const before = await heard()
  assert.match(before, /vhds.*update_success: [1-9]/)
  await mesh.put('moving', service('moving.example', b))
  await until('the new endpoint', async () => (await answerer(user.outbound, 'moving.example')) === 'b')
  const renamed = serviceEntry({
    host: 'moving.example',
    ports: [{ number: 80, name: 'web', protocol: 'HTTP2' }],
    endpoints: [{ address: '127.0.0.1', ports: { web: 1 } }],
  })
  await mesh.put('moving', renamed)
  await until('the new port', async () => /^503/.test(await answerer(user.outbound, 'moving.example')))
  await mesh.remove('moving')
  const loaded = await clusters(user)
  await until('the cluster to be gone', async () => (await clusters(user)) < loaded)
  assert.equal(await heard(), before, 'the other one heard nothing')
})

test('a service that goes is answered as where all is loaded; others do not notice; it may come back', async () => {
  const [it, plain] = [await start(), await start((bootstrap) => bootstrap)]
  await mesh.put('gone', service('gone.example', a))
  const both = [it.outbound, plain.outbound]
  for (const to of both) await until('the service', async () => (await answerer(to, 'gone.example')) === 'a')
  assert.equal(await answerer(it.outbound, 'many-5.example'), 'a')

  let busy = true
  const seen = new Map<string, number>()
  const traffic = (async () => {
    while (busy) {
      const who = await answerer(it.outbound, 'many-5.example')
      seen.set(who, (seen.get(who) ?? 0) + 1)
    }
  })()
  await mesh.remove('gone')
  for (const to of both)
    await until('it to be gone', async () => (await answerer(to, 'gone.example')) !== 'a')
  const [status, ms] = await timed(answerer(it.outbound, 'gone.example'))
  assert.equal(status, await answerer(plain.outbound, 'gone.example'))
  assert.ok(ms < 1000, `answered after ${ms} ms`)
  await until(
    'its cluster to be gone',
    async () => !(await it.envoy.get('/clusters')).body.includes('gone.example'),
  )
  await mesh.put('gone', service('gone.example', b))
  for (const to of both) await until('its return', async () => (await answerer(to, 'gone.example')) === 'b')
  busy = false
  await traffic
  assert.deepEqual([...seen.keys()], ['a'])
})

test('a host that is not in the mesh is answered as soon, and by the service once it comes', async (t) => {
  const [it, plain] = [await start(), await start((bootstrap) => bootstrap)]
  const [status, ms] = await timed(answerer(it.outbound, 'nobody.example'))
  t.diagnostic(`unknown host: ${status} after ${ms.toFixed(1)} ms`)
  assert.equal(status, await answerer(plain.outbound, 'nobody.example'))
  assert.ok(ms < 1000)
  await mesh.put('somebody', service('nobody.example', a))
  await until('the service', async () => (await answerer(it.outbound, 'nobody.example')) === 'a')
  await mesh.put('wild', service('*.wild.example', b))
  await until('a pattern', async () => (await answerer(it.outbound, 'x.wild.example')) === 'b')
  await mesh.put('tame', service('x.wild.example', a))
  await until('a closer one', async () => (await answerer(it.outbound, 'x.wild.example')) === 'a')
  await mesh.remove('tame')
  await until('the pattern again', async () => (await answerer(it.outbound, 'x.wild.example')) === 'b')
})

test('it goes on while the Pilot is away, and after it is back', async () => {
  const it = await start()
  await mesh.put('kept', service('kept.example', a))
  await until('the service', async () => (await answerer(it.outbound, 'kept.example')) === 'a')
  await answerer(it.outbound, 'elsewhere.example')
  const loaded = await clusters(it)
  await mesh.pilot.stop()
  assert.equal(await answerer(it.outbound, 'kept.example'), 'a')
  await mesh.pilot.restart()
  assert.equal(await answerer(it.outbound, 'many-6.example'), 'a', 'a request waits for the Pilot')
  assert.equal(await answerer(it.outbound, 'kept.example'), 'a')
  assert.equal(await clusters(it), loaded + 1)
  await mesh.put('kept', service('kept.example', b))
  await until('a change', async () => (await answerer(it.outbound, 'kept.example')) === 'b')
  await mesh.put('late', service('elsewhere.example', b))
  await until('a new service', async () => (await answerer(it.outbound, 'elsewhere.example')) === 'b')
  assert.equal(await clusters(it), loaded + 2)
})

test('each route configuration asks for itself; bytes ask for their cluster', async () => {
  const echo = house.add(await startApp({ kind: 'tcp', name: 'echo' }), (app) => app.stop())
  const namespace = 'several'
  const tcp = serviceEntry({
    ...{ host: 'bytes.example', namespace },
    ports: [{ number: 9000, name: 'tcp', protocol: 'TCP' }],
    endpoints: [{ address: echo.address, ports: { tcp: echo.port } }],
  })
  const web = { number: 8088, name: 'http', protocol: 'HTTP' }
  const egress = (number: number, protocol: string, host: string) => ({
    ...{ bind: mesh.ip(200), captureMode: 'NONE', hosts: [`*/${host}`] },
    port: { number, name: protocol.toLowerCase(), protocol },
  })
  await mesh.put(
    'several',
    ...[tcp, serviceEntry({ host: 'web.example', namespace, ports: [web], endpoints: [endpointOf(b)] })],
    sidecarResource(namespace, {
      egress: [egress(9000, 'TCP', 'bytes.example'), egress(8088, 'HTTP', 'web.example'), { hosts: ['*/*'] }],
    }),
  )
  await until('the services', async () => (await mesh.rest('/debug/registryz')).services.length >= 302)
  const it = await start(onDemand, { namespace })
  const atStart = await clusters(it)
  assert.ok(atStart <= 5, `${atStart} clusters at the start`)
  const [bytes, own] = [9000, 8088].map((port) => ({ host: mesh.ip(200), port })) as [Place, Place]
  for (const place of [bytes, own]) await listens(place)
  assert.equal(await tcpEcho(bytes, 'hello'), 'echo hello')
  assert.equal(await answerer(own, 'web.example'), 'b')
  assert.equal(await answerer(own, 'web.example:8088'), 'b')
  assert.equal(await answerer(own, 'web.example:4711'), 'b', 'the port does not count')
  assert.equal(await answerer(it.outbound, 'many-7.example'), 'a')
  assert.equal(await tcpEcho(it.outbound, 'hello', 'bytes.example:9000'), 'echo hello')
  assert.equal(await clusters(it), atStart + 3)
})

const endpointOf = ({ address, port }: App) => ({ address, ports: { http: port } })

test('1,000 services: the memory of an Envoy that loads all, and of one that loads 10', async (t) => {
  const services = Array.from({ length: 700 }, (_, i) => service(`more-${i}.example`, a))
  await mesh.put('more', ...services)
  await until('the services', async () => (await mesh.rest('/debug/registryz')).services.length >= 1000)
  const [few, all] = [await start(), await start((bootstrap) => bootstrap)]
  for (let i = 0; i < 10; i++) assert.equal(await answerer(few.outbound, `more-${i}.example`), 'a')
  const allocated: number[] = []
  for (const it of [few, all]) {
    const rss = /VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${it.envoy.pid}/status`, 'utf8'))?.[1]
    const bytes = (await stat(it.envoy, 'server.memory_allocated')) ?? 0
    allocated.push(bytes)
    const size = `${(bytes / 2 ** 20).toFixed(1)} MiB allocated, ${(Number(rss) / 1024).toFixed(0)} MiB resident`
    t.diagnostic(`${await clusters(it)} clusters: ${size}`)
  }
  assert.ok(allocated[0]! < allocated[1]! / 2, 'less than half')
})
