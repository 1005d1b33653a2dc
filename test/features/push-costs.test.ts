/** Counts that noise can't touch: what one change costs, from a file's edit to the streams of many proxies. */
import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { type Pilot, startPilot } from '#src/main.ts'
import { loadSettings } from '#src/settings.ts'
import { silentLogger } from '#support/logger.ts'
import {
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from '#xds/proto/gen/envoy/service/discovery/v3/discovery_pb.js'
import { encode } from '#xds/proto/index.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { connect, type DeltaInit, openDelta } from '../server/client.ts'

const services = 20
const subscribed = 6
const others = 3

const entry = (i: number, address: string, namespace = 'default') => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: svc-${i}, namespace: ${namespace} }
spec:
  hosts: [svc-${i}.example]
  exportTo: ["."]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [{ address: ${address} }, { address: 10.0.1.${i} }]
`

async function house() {
  const dir = mkdtempSync(path.join(tmpdir(), 'pilothouse-costs-'))
  const write = (name: string, text: string) => {
    writeFileSync(path.join(tmpdir(), `${path.basename(dir)}-next`), text)
    renameSync(path.join(tmpdir(), `${path.basename(dir)}-next`), path.join(dir, name))
  }
  for (let i = 0; i < services; i++) write(`svc-${i}.yaml`, entry(i, `10.0.0.${i}`))
  const flags = { files: [dir], xdsAddress: '127.0.0.1:0', adminAddress: '127.0.0.1:0' }
  const { settings } = loadSettings({ flags })
  const pilot = await startPilot(settings!, { log: silentLogger })
  return { dir, write, pilot, xds: (await pilot.xds).port }
}

/** A proxy as Envoy on delta ADS: all clusters, the endpoints of each, all listeners; ACKs everything. */
async function proxy(port: number, id: string) {
  const client = connect(port)
  const stream = openDelta(client)
  const received: { typeUrl: string; names: string[] }[] = []
  const send = (request: DeltaInit) => stream.send(request)
  send({ node: { id }, typeUrl: typeUrls.cluster })
  send({ typeUrl: typeUrls.listener })
  let names: string[] = []
  const types = new Set<string>()
  const state: { last?: DeltaDiscoveryResponse } = {}
  const read = async () => {
    for (;;) {
      const response = await stream.next(60_000)
      const { typeUrl, resources, nonce } = response
      state.last = response
      types.add(typeUrl)
      received.push({ typeUrl, names: resources.map((r) => r.name) })
      send({ typeUrl, responseNonce: nonce })
      if (typeUrl !== typeUrls.cluster) continue
      names = resources.map((r) => r.name).filter((name) => name.startsWith('outbound|'))
      send({ typeUrl: typeUrls.endpoint, resourceNamesSubscribe: names })
    }
  }
  read().catch(() => {})
  return {
    received,
    types,
    client,
    get last() {
      return state.last
    },
    hasAll: () => types.has(typeUrls.endpoint) && types.has(typeUrls.listener),
  }
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await condition()); tries++) {
    assert.ok(tries < 1000, `waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function metrics(pilot: Pilot): Promise<Record<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${pilot.admin.port}/metrics`)).text()
  const sums: Record<string, number> = {}
  for (const line of text.split('\n')) {
    const [, name, value] = /^([a-z_]+)(?:\{[^}]*\})? (\S+)$/.exec(line) ?? []
    if (name) sums[name] = (sums[name] ?? 0) + Number(value)
  }
  return sums
}

test('one endpoint: one merge, one view, one encode, one message to each subscribed proxy', async (t) => {
  const { dir, write, pilot, xds } = await house()
  const id = (i: number, namespace: string) =>
    `sidecar~10.1.0.${i}~p${i}.${namespace}~${namespace}.svc.cluster.local`
  const near = await Promise.all(Array.from({ length: subscribed }, (_, i) => proxy(xds, id(i, 'default'))))
  const far = await Promise.all(Array.from({ length: others }, (_, i) => proxy(xds, id(100 + i, 'other'))))
  t.after(async () => {
    for (const { client } of [...near, ...far]) client.close()
    await pilot.stop()
    rmSync(dir, { recursive: true, force: true })
  })
  await until('all proxies to have all', () => near.every((p) => p.hasAll()))
  await until('the others to have their clusters', () => far.every((p) => p.types.size >= 2))
  const quiet = async () => (await metrics(pilot)).pilothouse_xds_acks_total
  let acks = await quiet()
  await until('quiet', async () => {
    const before = acks
    acks = await quiet()
    return acks === before
  })

  const marks = [...near, ...far].map((p) => p.received.length)
  const before = await metrics(pilot)
  write('svc-7.yaml', entry(7, '10.9.9.9'))
  await until('the change to arrive', () => near.every((p, i) => p.received.length > marks[i]!))
  await until(
    'its acknowledgement',
    async () =>
      (await metrics(pilot)).pilothouse_xds_acks_total! >= before.pilothouse_xds_acks_total! + subscribed,
  )
  const after = await metrics(pilot)

  const grown = (name: string) => (after[name] ?? 0) - (before[name] ?? 0)
  assert.equal(grown('pilothouse_encodes_total'), 1)
  assert.equal(grown('pilothouse_views_built_total'), 0)
  assert.equal(grown('pilothouse_views_advanced_total'), 1)
  assert.equal(grown('pilot_xds_pushes'), subscribed)
  assert.equal(grown('pilothouse_xds_resources_total'), subscribed)
  // The resource as it goes over the wire (name, version, Any), and the response's own type, version and nonce.
  const told = near[0]!.last!
  const size = encode(DeltaDiscoveryResponseSchema, { resources: told.resources }).length
  const own = encode(DeltaDiscoveryResponseSchema, { ...told, resources: [] }).length
  assert.ok(own <= 100, `${own} bytes beside the resource`)
  const expected = (size + own) * subscribed
  assert.ok(Math.abs(grown('pilothouse_xds_bytes_total') - expected) <= 0.02 * expected)
  near.forEach((p, i) => {
    const news = p.received.slice(marks[i])
    assert.deepEqual(
      news.map((n) => [n.typeUrl, n.names]),
      [[typeUrls.endpoint, ['outbound|80||svc-7.example']]],
    )
  })
  for (const [i, p] of far.entries())
    assert.equal(p.received.length, marks[subscribed + i], 'a proxy that does not see it hears nothing')

  // Configuration that means nothing to these proxies: no message at all.
  write(
    'unrelated.yaml',
    `apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: { name: nobody, namespace: elsewhere }
spec: { template: { serviceAccount: nobody } }
`,
  )
  await until('the object to be known', async () => {
    const known = await fetch(`http://127.0.0.1:${pilot.admin.port}/debug/configz?kind=WorkloadGroup`)
    return (await known.text()).includes('nobody')
  })
  assert.equal((await metrics(pilot)).pilot_xds_pushes, after.pilot_xds_pushes)
})

test('a port added to its own service is one message of a type to a sidecar, inbound and outbound together', async (t) => {
  const { dir, write, pilot, xds } = await house()
  const own = entry(50, '10.1.0.1')
  write('own.yaml', own)
  await until('its service to be known', async () => {
    const known = await fetch(`http://127.0.0.1:${pilot.admin.port}/debug/registryz`)
    return (await known.text()).includes('svc-50.example')
  })
  const sidecar = await proxy(xds, 'sidecar~10.1.0.1~p1.default~default.svc.cluster.local')
  t.after(async () => {
    sidecar.client.close()
    await pilot.stop()
    rmSync(dir, { recursive: true, force: true })
  })
  const heard = (name: string) => sidecar.received.some(({ names }) => names.includes(name))
  await until('all of it', () => sidecar.hasAll() && heard('inbound|80||'))
  const mark = sidecar.received.length
  write('own.yaml', own.replace('ports: [', 'ports: [{ number: 81, name: admin, protocol: HTTP }, '))
  await until('the new listener', () => heard('0.0.0.0_81') && heard('inbound|81||'))
  const told = (typeUrl: string) =>
    sidecar.received
      .slice(mark)
      .filter((each) => each.typeUrl === typeUrl)
      .map(({ names }) => [...names].sort())
  assert.deepEqual(told(typeUrls.cluster), [['inbound|81||', 'outbound|81||svc-50.example']])
  assert.deepEqual(told(typeUrls.listener), [['0.0.0.0_81', 'virtualInbound']])
})

test('a proxy that comes back with what it had is sent no resource', async (t) => {
  const { dir, pilot, xds } = await house()
  const clients: ReturnType<typeof connect>[] = []
  t.after(async () => {
    for (const client of clients) client.close()
    await pilot.stop()
    rmSync(dir, { recursive: true, force: true })
  })
  const node = { id: 'sidecar~10.1.0.1~p1.default~default.svc.cluster.local' }
  /** What is answered to a proxy that has these; endpoints are asked for last, as by Envoy. */
  const comeBack = async (held: Readonly<Record<string, Readonly<Record<string, string>>>>) => {
    const client = connect(xds)
    clients.push(client)
    const stream = openDelta(client)
    const versions: Record<string, Record<string, string>> = {}
    let resources = 0
    const ask = async (typeUrl: string, names: readonly string[]) => {
      stream.send({
        node,
        typeUrl,
        resourceNamesSubscribe: [...names],
        initialResourceVersions: { ...held[typeUrl] },
      })
      const response = await stream.next(10_000)
      assert.equal(response.typeUrl, typeUrl)
      stream.send({ typeUrl, responseNonce: response.nonce })
      resources += response.resources.length
      versions[typeUrl] = {
        ...held[typeUrl],
        ...Object.fromEntries(response.resources.map(({ name, version }) => [name, version])),
      }
      return Object.keys(versions[typeUrl])
    }
    const clusters = await ask(typeUrls.cluster, [])
    await ask(
      typeUrls.endpoint,
      clusters.filter((name) => name.startsWith('outbound|')),
    )
    await ask(typeUrls.listener, [])
    await ask(typeUrls.route, ['80'])
    return { resources, versions }
  }
  const first = await comeBack({})
  assert.ok(first.resources > 2 * services)
  assert.deepEqual(await comeBack(first.versions), { resources: 0, versions: first.versions })
})
