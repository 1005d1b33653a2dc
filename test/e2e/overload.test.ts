/** A storm of changes, newcomers, and clients that don't read, all at once: who does nothing wrong notices nothing. */
import assert from 'node:assert/strict'
import { connect as connectHttp2 } from 'node:http2'
import { test } from 'node:test'
import type { LbEndpoint } from '#xds/proto/gen/envoy/config/endpoint/v3/endpoint_components_pb.js'
import { ClusterLoadAssignmentSchema } from '#xds/proto/gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { DeltaDiscoveryRequestSchema } from '#xds/proto/gen/envoy/service/discovery/v3/discovery_pb.js'
import { decode, encode } from '#xds/proto/index.ts'
import { writeHead } from '#xds/server/grpc/messages.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { adsDelta, connect, openDelta } from '../server/client.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { meshFiles } from '../support/mesh-files.ts'
import { servePilot } from '../support/pilot.ts'
import { rss } from '../support/proc.ts'

const SERVICES = 200
const CHANGING = 50
const CHANGES = 2000
const PER_SECOND = 500
const PROXIES = 20
const NEWCOMERS = 100

const nodeOf = (i: number) => ({
  id: `sidecar~10.1.${i >> 8}.${i & 255}~p${i}.default~default.svc.cluster.local`,
})

const addressOf = ({ hostIdentifier }: LbEndpoint): string => {
  const address = hostIdentifier.case === 'endpoint' ? hostIdentifier.value.address?.address : undefined
  return address?.case === 'socketAddress' ? address.value.address : ''
}

/** All clusters and the endpoints of each; every response is acknowledged. */
function proxy(port: number, i: number) {
  const client = connect(port)
  const stream = openDelta(client)
  const held = new Map<string, Uint8Array>()
  let messages = 0
  stream.send({ node: nodeOf(i), typeUrl: typeUrls.cluster })
  const read = async () => {
    for (;;) {
      const { typeUrl, resources, nonce } = await stream.next(600_000)
      if (typeUrl === typeUrls.cluster) {
        const names = resources.map(({ name }) => name).filter((name) => name.startsWith('outbound|'))
        stream.send({ typeUrl: typeUrls.endpoint, resourceNamesSubscribe: names })
      } else {
        messages++
        // Read when it is asked for: the clients share a core with the Pilot.
        for (const { name, resource } of resources) held.set(/svc-\d+/.exec(name)![0], resource!.value)
      }
      stream.send({ typeUrl, responseNonce: nonce })
    }
  }
  read().catch(() => {})
  /** The address of a service that was changed: one of its ten. */
  const changed = (service: string): string =>
    decode(ClusterLoadAssignmentSchema, held.get(service)!)
      .endpoints.flatMap(({ lbEndpoints }) => lbEndpoints.map(addressOf))
      .filter((address) => address.startsWith('10.98.'))
      .join()
  return { held, changed, messages: () => messages, close: () => client.close() }
}

/** Asks for all clusters, and reads nothing more than a window of 1 kB. */
function deaf(port: number) {
  const session = connectHttp2(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1024 } })
  session.on('error', () => {})
  const stream = session.request({
    ':method': 'POST',
    ':path': adsDelta,
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  stream.on('error', () => {})
  const message = encode(DeltaDiscoveryRequestSchema, { node: nodeOf(9999), typeUrl: typeUrls.cluster })
  const frame = Buffer.alloc(5 + message.length)
  writeHead(frame, message.length)
  frame.set(message, 5)
  stream.write(frame)
  return { close: () => session.destroy() }
}

test('500 changes a second, a hundred newcomers and twenty deaf clients', async (t) => {
  const house = cleanup()
  t.after(() => house.end())
  const files = house.add(meshFiles({ services: SERVICES, endpoints: 10 }), (it) => it.remove())
  const pilot = await servePilot(house, { files: files.dir })
  const open = (i: number) => house.add(proxy(pilot.xdsPort, i), (it) => it.close())
  const proxies = Array.from({ length: PROXIES }, (_, i) => open(i))
  await until('all have all', () => proxies.every(({ held }) => held.size === SERVICES), 30_000)
  for (let i = 0; i < 20; i++) house.add(deaf(pilot.xdsPort), (it) => it.close())
  const memory = () => rss(pilot.child.pid!)
  const before = memory()

  let storming = true
  let questions = 0
  const watching = (async () => {
    for (; storming; questions++) {
      assert.ok((await fetch(`http://127.0.0.1:${pilot.adminPort}/ready`)).ok)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })()
  // What it says is of the time since the last scrape.
  await fetch(`http://127.0.0.1:${pilot.adminPort}/metrics`)
  const last = new Map<string, string>()
  const newcomers: ReturnType<typeof proxy>[] = []
  const began = performance.now()
  for (let i = 0; i < CHANGES; i++) {
    const address = `10.98.${i >> 8}.${i & 255}`
    files.change(i % CHANGING, address)
    last.set(`svc-${i % CHANGING}`, address)
    if (i % (CHANGES / NEWCOMERS) === 0) newcomers.push(open(PROXIES + newcomers.length))
    const due = began + ((i + 1) * 1000) / PER_SECOND
    if (performance.now() < due) await new Promise((resolve) => setTimeout(resolve, due - performance.now()))
  }
  const took = (performance.now() - began) / 1000
  const isRight = ({ held, changed }: ReturnType<typeof proxy>) =>
    held.size === SERVICES && [...last].every(([name, address]) => changed(name) === address)
  await until('all are right', () => [...proxies, ...newcomers].every(isRight), 30_000)
  storming = false
  await watching

  // By its own measure: the clients of this process are slower than it is.
  const text = await (await fetch(`http://127.0.0.1:${pilot.adminPort}/metrics`)).text()
  const late = (of: string) =>
    1000 * Number(new RegExp(`^nodejs_eventloop_lag_${of}_seconds (\\S+)$`, 'm').exec(text)![1])
  t.diagnostic(
    `${Math.round(CHANGES / took)} changes a second, ${proxies[0]!.messages()} messages to a proxy; event loop ${late('p50').toFixed(0)}, ${late('p99').toFixed(0)}, ${late('max').toFixed(0)} ms late (p50, p99, max); ${questions} times ready; RSS ${before.toFixed(0)} to ${memory().toFixed(0)} MiB`,
  )
  assert.equal(newcomers.length, NEWCOMERS)
  // What comes while a proxy has not taken the last message is one message.
  for (const each of proxies) assert.ok(each.messages() <= CHANGES)
  // A Pilot that has just started, on two cores that it shares with all of its clients: twice of what it keeps to at rest.
  assert.ok(late('p99') < 100)
  assert.ok(memory() < before + 150, `${memory()} MiB after ${before}`)
})
