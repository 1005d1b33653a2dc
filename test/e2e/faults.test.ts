/** What goes wrong around a Pilot, while a real Envoy under load goes on being served. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { promisify } from 'node:util'
import { stringify } from 'yaml'
import { typeUrls } from '#xds/type-urls.ts'
import { type App, startApp } from '../support/apps.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { http1 } from '../support/clients.ts'
import { serviceEntry, sidecarResource } from '../support/istio.ts'
import { command } from '../support/pilot.ts'
import { rawStream } from '../support/raw-xds.ts'
import { describe, type Load, startLoad } from '../support/traffic.ts'
import { type TestSidecar, type World, world } from '../support/world.ts'

const run = promisify(execFile)
const house = cleanup()
const http = { number: 80, name: 'http', protocol: 'HTTP' } as const
const host = 'steady.test.mesh'
let it: World
let app: App
let client: TestSidecar
let running: Load

before(async () => {
  it = await world(house, { command: true })
  app = house.add(await startApp({ kind: 'http', name: 'app' }), (each) => each.stop())
  await it.put('steady', service(host))
  client = await it.sidecar({ name: 'client', ip: it.ip(1) })
  await until('the first request', async () => (await ask(host)) === 200)
})
after(() => house.end())

/** Every fault happens under load, and the load must not notice. */
beforeEach(() => {
  running = startLoad({ to: client.outbound, host, inFlight: 4, pause: 10 })
})
afterEach(async () => {
  const counts = await running.stop()
  assert.equal(counts.failed, 0, describe(counts))
})

const service = (name: string) =>
  serviceEntry({
    host: name,
    ports: [http],
    endpoints: [{ address: app.address, ports: { http: app.port } }],
  })
const ask = async (name: string) => (await http1({ to: client.outbound, host: name })).status
const file = (name: string) => join(it.files, name)

/** Proof that the Pilot still follows its files and pushes: a service that was not there answers, then is gone. */
async function stillServes(name: string): Promise<number> {
  const started = performance.now()
  await it.put(name, service(`${name}.test.mesh`))
  await until(`${name} to answer`, async () => (await ask(`${name}.test.mesh`)) === 200)
  const took = Math.round(performance.now() - started)
  await it.remove(name)
  return took
}

const issue = (pattern: RegExp) =>
  until(`an issue ${pattern}`, async () => {
    const text = JSON.stringify([await it.rest('/debug/push_status'), await it.rest('/debug/registryz')])
    return pattern.exec(text)?.[0]
  })
const noIssue = (pattern: RegExp) =>
  until(`no issue ${pattern}`, async () => !pattern.test(JSON.stringify(await it.rest('/debug/push_status'))))

test('a file that can’t be read is an issue; the others go on', async (t) => {
  await symlink('loop.yaml', file('loop.yaml'))
  t.diagnostic(await issue(/[^"]*loop\.yaml[^"]*/))
  assert.equal(await ask(host), 200)
  await stillServes('beside-loop')
  await rm(file('loop.yaml'))
  await noIssue(/loop\.yaml/)
})

test('a file written in halves keeps its last good content until it is whole', async (t) => {
  await it.put('halves', service('halves.test.mesh'))
  await until('halves to answer', async () => (await ask('halves.test.mesh')) === 200)
  const whole = stringify(service('halves.test.mesh'))
  const next = `${stringify(service('halves-2.test.mesh'))}---\n${whole}`
  await writeFile(file('halves.yaml'), next.slice(0, next.indexOf('endpoints:') + 4))
  t.diagnostic(await issue(/[^"]*halves\.yaml[^"]*/))
  assert.equal(await ask('halves.test.mesh'), 200)
  await writeFile(file('halves.yaml'), next)
  await until('the whole file', async () => (await ask('halves-2.test.mesh')) === 200)
  assert.equal(await ask('halves.test.mesh'), 200)
  await it.remove('halves')
})

test('an invalid object keeps its last good version; its neighbour in the file goes on', async (t) => {
  await it.put('mixed', service('mixed-a.test.mesh'), service('mixed-b.test.mesh'))
  await until('both', async () => (await ask('mixed-b.test.mesh')) === 200)
  const bad = serviceEntry({ host: 'mixed-a.test.mesh', ports: [{ ...http, number: 99_999 }] })
  await it.put('mixed', bad, service('mixed-b.test.mesh'), service('mixed-c.test.mesh'))
  await until('the neighbour', async () => (await ask('mixed-c.test.mesh')) === 200)
  assert.equal(await ask('mixed-a.test.mesh'), 200)
  t.diagnostic(await issue(/[^"]*mixed\.yaml:\d+[^"]*/))
  await it.remove('mixed')
})

test('a deleted directory is an outage, not an empty mesh; it is followed again when it is back', async (t) => {
  const away = `${it.files}-away`
  await cp(it.files, away, { recursive: true })
  await rm(it.files, { recursive: true })
  const registry = await until('the registry to be stale', async () => {
    const { registries } = await it.rest('/debug/registryz')
    return registries.find((each: { state: string }) => each.state === 'stale')
  })
  t.diagnostic(`${registry.name}: ${registry.error.message}`)
  assert.equal(await ask(host), 200)
  await rename(away, it.files)
  await until(
    'the registry to be fresh',
    async () => {
      const { registries } = await it.rest('/debug/registryz')
      return registries.every((each: { state: string }) => each.state === 'fresh')
    },
    30_000,
  )
  await stillServes('after-directory')
})

test('a configuration that Envoy refuses is seen in REST and on the command line; the others go on', async (t) => {
  // 192.0.2.1 is for documentation only (RFC 5737), so no machine has it: the listener can't be bound.
  const egress = [{ port: { ...http, number: 8081 }, bind: '192.0.2.1', hosts: ['*/*'] }, { hosts: ['*/*'] }]
  const endpoints = [{ address: app.address, ports: { http: app.port } }]
  const ports = [{ ...http, number: 8081 }]
  await it.put('refused-service', serviceEntry({ host: 'refused.test.mesh', ports, endpoints }))
  await it.put('refused', sidecarResource('refused', { egress }))
  const refusing = await it.sidecar({ name: 'refusing', ip: it.ip(2), namespace: 'refused' })
  const proxy = await until('the NACK in REST', async () => {
    const proxies = await it.rest('/debug/syncz')
    return proxies.find(
      (each: { types: Record<string, { status: string }> }) => each.types.lds?.status === 'NACKED',
    )
  })
  t.diagnostic(`REST: ${proxy.proxy} lds ${proxy.types.lds.nack.message}`)
  assert.match(proxy.proxy, /^refusing/)
  assert.match(proxy.types.lds.nack.message, /192\.0\.2\.1/)
  const admin = ['--admin', `http://127.0.0.1:${it.pilot.adminPort}`]
  const { stdout } = await run(process.execPath, [command, 'proxy-status', ...admin])
  const lines = stdout.split('\n')
  t.diagnostic(`proxy-status: ${lines.find((line) => line.includes('refusing'))?.trim()}`)
  assert.match(stdout, /NACKED/)
  assert.match(stdout, /192\.0\.2\.1/)
  assert.ok(
    lines.find((line) => /client/.test(line) && !/NACKED/.test(line)),
    stdout,
  )
  await stillServes('beside-nack')
  await it.put('refused', sidecarResource('refused', { egress: [{ hosts: ['*/*'] }] }))
  await until('the NACK to be over', async () => {
    const proxies = await it.rest(`/debug/syncz?proxyID=${encodeURIComponent(proxy.proxyID)}`)
    return proxies[0].types.lds.status === 'SYNCED'
  })
  await refusing.envoy.stop()
})

test('clients that never read cost no one else anything', async (t) => {
  const many = Array.from({ length: 300 }, (_, i) => service(`bulk-${i}.test.mesh`))
  await it.put('bulk', ...many)
  await until('the bulk', async () => (await ask('bulk-299.test.mesh')) === 200)
  const deaf = Array.from({ length: 20 }, (_, i) =>
    rawStream({ port: it.pilot.xdsPort, nodeId: `deaf-${i}`, deaf: true }),
  )
  for (const each of deaf) each.ask(typeUrls.cluster)
  await until('them to be connected', async () => (await connections()).filter(isDeaf).length === deaf.length)
  const before = await memory()
  const rounds = 40
  for (let round = 0; round < rounds; round++) {
    await it.put('round', service(`round-${round}.test.mesh`))
    await until('the change', async () => (await ask(`round-${round}.test.mesh`)) === 200)
  }
  const sent = (await connections()).filter(isDeaf).map((each) => each.messagesSent)
  const grown = (await memory()) - before
  t.diagnostic(
    `${rounds} changes: messages to each deaf client ${[...new Set(sent)]}; memory grew ${Math.round(grown / 1e6)} MB`,
  )
  assert.ok(
    sent.every((messages) => messages <= 2),
    'more than one message in flight',
  )
  assert.ok(grown < 200e6, `memory grew by ${grown} bytes`)
  for (const each of deaf) each.close()
  await it.remove('bulk')
  await it.remove('round')
  t.diagnostic(`the next change reached Envoy in ${await stillServes('after-deaf')} ms`)
})

interface Connection {
  readonly proxyID: string
  readonly messagesSent: number
}
const connections = async (): Promise<Connection[]> =>
  (await it.rest('/debug/connections?limit=5000')).clients
const isDeaf = ({ proxyID }: Connection) => proxyID.startsWith('deaf-')
const memory = async () => {
  const metrics = await (await fetch(`http://127.0.0.1:${it.pilot.adminPort}/metrics`)).text()
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1])
}

test('garbage on the port', async (t) => {
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  const pieces: Buffer[] = [
    randomBytes(100_000),
    Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n'),
    Buffer.from('1603010200010001fc0303', 'hex'),
    preface,
    Buffer.concat([preface, randomBytes(50_000)]),
    preface.subarray(0, 10),
    Buffer.alloc(0),
  ]
  for (let round = 0; round < 5; round++) await Promise.all(pieces.map(throwAt))
  for (const bytes of [randomBytes(64), Buffer.from('0a0161', 'hex'), Buffer.alloc(0)]) {
    const raw = rawStream({ port: it.pilot.xdsPort, nodeId: 'garbage' })
    const head = Buffer.alloc(5)
    head.writeUInt32BE(bytes.length, 1)
    raw.stream.end(Buffer.concat([head, bytes]))
    await new Promise<void>((resolve) => raw.stream.once('close', resolve))
    raw.close()
  }
  t.diagnostic(
    `${5 * pieces.length} connections of garbage; the next change in ${await stillServes('after-garbage')} ms`,
  )
})

const throwAt = (bytes: Buffer): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect(it.pilot.xdsPort, '127.0.0.1', () => socket.end(bytes))
    socket.setTimeout(3000, () => socket.destroy())
    socket.on('error', () => {})
    socket.on('data', () => {})
    socket.once('close', () => resolve())
  })

test('1,000 clients at once are all served, Envoy among them', { timeout: 60_000 }, async (t) => {
  const started = performance.now()
  const crowd = Array.from({ length: 1000 }, (_, i) =>
    rawStream({
      port: it.pilot.xdsPort,
      nodeId: `sidecar~10.1.${i >> 8}.${i & 255}~crowd-${i}.test~test.svc.cluster.local`,
    }),
  )
  for (const each of crowd) each.ask(typeUrls.cluster)
  await until('all to have an answer', () => crowd.every((each) => each.received() > 0), 40_000)
  t.diagnostic(`1,000 streams have their clusters after ${Math.round(performance.now() - started)} ms`)
  t.diagnostic(`beside them a change reached Envoy in ${await stillServes('in-the-crowd')} ms`)
  for (const each of crowd) each.close()
  await until('the crowd to be gone', async () => (await connections()).length < 10)
  t.diagnostic(`after them in ${await stillServes('after-the-crowd')} ms`)
})

test('a Pilot that crashes is missed by nobody; the next one takes over', async (t) => {
  const started = performance.now()
  for (let crash = 0; crash < 5; crash++) {
    await it.pilot.restart()
    await stillServes(`after-crash-${crash}`)
  }
  t.diagnostic(`5 crashes (SIGKILL) in ${Math.round(performance.now() - started)} ms`)
})
