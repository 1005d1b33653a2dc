/** Several Pilots behind one name serve the same fleet: any of them may die under load, and all say the same. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  type ConfiguredPilot,
  configuredPilot,
  type Folder,
  folder,
  freePorts,
  loopback,
  type PilotPorts,
  type Sidecar,
  sidecarOf,
} from '../deploy/configured.ts'
import { type App, startApp } from '../support/apps.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { http1 } from '../support/clients.ts'
import { type EndpointSpec, serviceEntry } from '../support/istio.ts'
import { describe, type Load, startLoad } from '../support/traffic.ts'

const house = cleanup()
const ip = loopback()
const host = 'fleet.test.mesh'
const SIDECARS = 6
let files: Folder
let ports: PilotPorts[]
let pilots: ConfiguredPilot[]
let clients: Sidecar[]
let apps: App[]

const settings = {
  registries: [{ kind: 'file', path: 'services' }],
  config: [{ kind: 'files', path: 'services' }],
}
const endpointOf = ({ port }: App): EndpointSpec => ({ address: '127.0.0.1', ports: { http: port } })
const put = (listed: readonly App[]) =>
  files.put(
    'services/fleet',
    serviceEntry({
      host,
      ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
      endpoints: listed.map(endpointOf),
    }),
  )

before(async () => {
  files = await folder(house)
  apps = []
  for (const name of ['one', 'two', 'three'])
    apps.push(house.add(await startApp({ kind: 'http', name }), (it) => it.stop()))
  await put(apps.slice(0, 2))
  for (let i = 0; i < 20; i++) {
    const port = { number: 80, name: 'http', protocol: 'HTTP' }
    const endpoints = [{ address: `127.9.0.${i + 1}`, labels: { version: `v${i % 3}` } }]
    await files.put(
      `services/other-${i}`,
      serviceEntry({ host: `other-${i}.test.mesh`, ports: [port], endpoints }),
    )
  }
  await files.settings(settings)
  ports = [await freePorts(), await freePorts(), await freePorts()]
  pilots = await Promise.all(ports.map((own) => configuredPilot(house, files.settingsFile, own)))
  clients = []
  for (let n = 1; n <= SIDECARS; n++)
    clients.push(await sidecarOf(house, { name: `client-${n}`, ip: ip(n), pilots: ports }))
  for (const client of clients) await until('the first answer', () => answers(client))
})
after(() => house.end())

const answers = async ({ outbound }: Sidecar): Promise<boolean> =>
  (await http1({ to: outbound, host })).status === 200

interface Stream {
  readonly proxyID: string
  readonly messagesSent: number
  readonly bytesSent: number
}
const streamsOf = async (pilot: ConfiguredPilot): Promise<Stream[]> =>
  (await pilot.rest('/debug/connections')).clients

/** Which Pilot a proxy is at. */
async function whereIs(node: string): Promise<number> {
  for (const [i, pilot] of pilots.entries()) {
    const streams = await streamsOf(pilot).catch(() => [])
    if (streams.some(({ proxyID }) => proxyID === node)) return i
  }
  return -1
}

/** Kills without a word, as a machine that is lost. */
async function kill(index: number): Promise<void> {
  pilots[index]!.child.kill('SIGKILL')
  await pilots[index]!.stop()
}

const start = async (index: number): Promise<void> => {
  pilots[index] = await configuredPilot(house, files.settingsFile, ports[index]!)
}

const connected = (running: readonly number[]) =>
  until(
    'every proxy to be at a Pilot that runs',
    async () => {
      const all = await Promise.all(running.map((i) => streamsOf(pilots[i]!)))
      return new Set(all.flat().map(({ proxyID }) => proxyID)).size === SIDECARS
    },
    30_000,
  )

/** Type and name to version, as each Pilot sends it to one and the same node, by REST discovery of all types. */
async function versions({ xdsPort }: ConfiguredPilot, id: string): Promise<Record<string, string>> {
  const said: Record<string, string> = {}
  const ask = async (type: string, resource_names: readonly string[] = []) => {
    const answer = await fetch(`http://127.0.0.1:${xdsPort}/v3/discovery:${type}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ node: { id, metadata: { INTERCEPTION_MODE: 'NONE' } }, resource_names }),
    })
    assert.equal(answer.status, 200, type)
    const { version_info, resources } = (await answer.json()) as {
      version_info: string
      resources: { name?: string; cluster_name?: string; clusterName?: string }[]
    }
    said[type] = version_info
    for (const resource of resources)
      said[`${type} ${resource.name ?? resource.cluster_name ?? resource.clusterName}`] =
        JSON.stringify(resource)
    return resources
  }
  const clusters = await ask('clusters')
  await ask('listeners')
  await ask(
    'endpoints',
    clusters.flatMap(({ name }) => (name?.startsWith('outbound|') ? [name] : [])),
  )
  await ask('routes', ['80'])
  return said
}

test('all give the same resources and versions for the same inputs', async () => {
  const first = await versions(pilots[0]!, 'sidecar~127.0.0.77~x.test~test.svc.cluster.local')
  assert.ok(Object.keys(first).length > 40, `${Object.keys(first).length} resources`)
  for (const pilot of pilots.slice(1))
    assert.deepEqual(await versions(pilot, 'sidecar~127.0.0.77~x.test~test.svc.cluster.local'), first)
})

test('a restarted one says the same again, although it has another history', async () => {
  const node = 'sidecar~127.0.0.77~x.test~test.svc.cluster.local'
  await put(apps)
  await put(apps.slice(0, 2))
  const settled = async () => {
    const [a, b] = await Promise.all([versions(pilots[0]!, node), versions(pilots[1]!, node)])
    return JSON.stringify(a) === JSON.stringify(b) && a
  }
  const before = await until('all to have read the files', settled)
  await kill(2)
  await start(2)
  assert.deepEqual(await versions(pilots[2]!, node), before)
})

test('a proxy that moves to another Pilot is sent nothing that it has', async (t) => {
  await connected([0, 1, 2])
  const spread = await Promise.all(pilots.map(async (pilot) => (await streamsOf(pilot)).length))
  t.diagnostic(`proxies at each Pilot: ${spread.join(', ')}`)
  const { node } = clients[0]!
  const from = await whereIs(node)
  await kill(from)
  await connected([0, 1, 2].filter((i) => i !== from))
  const moved = (await streamsOf(pilots[await whereIs(node)]!)).find(({ proxyID }) => proxyID === node)!
  const newcomer = await sidecarOf(house, { name: 'newcomer', ip: ip(SIDECARS + 1), pilots: ports })
  await until('the newcomer to answer', () => answers(newcomer))
  const fresh = (await streamsOf(pilots[await whereIs(newcomer.node)]!)).find(
    ({ proxyID }) => proxyID === newcomer.node,
  )!
  t.diagnostic(`${fresh.bytesSent} bytes to a newcomer, ${moved.bytesSent} to one that moved`)
  assert.ok(moved.bytesSent < fresh.bytesSent / 10, `${moved.bytesSent} of ${fresh.bytesSent} bytes`)
  await newcomer.stop()
  await start(from)
})

test('each in turn killed and started again, two at once too, under load and changes: no request fails', {
  timeout: 240_000,
}, async (t) => {
  const loads = clients.map(({ outbound }) =>
    startLoad({ to: outbound, host, path: '/?delay=5', inFlight: 2, pause: 5 }),
  )
  t.after(() => Promise.all(loads.map((load) => load.stop())))
  let change = 0
  const rounds = [[0], [1], [2], [0, 1], [1, 2], [2, 0]]
  for (const victims of rounds) {
    const killed = performance.now()
    const since = () => `${((performance.now() - killed) / 1000).toFixed(1)} s`
    await Promise.all(victims.map(kill))
    const left = [0, 1, 2].filter((i) => !victims.includes(i))
    // What changes meanwhile reaches every proxy, by a Pilot that is left.
    const wanted = change++ % 2 ? apps.slice(0, 2) : apps
    await put(wanted)
    await connected(left)
    const back = since()
    if (wanted.length === 3) {
      const third = ({ counts }: Load) => counts.byApp.get('three') ?? 0
      const before = loads.map(third)
      await until('the third application to answer through every proxy', () =>
        loads.every((load, i) => third(load) > before[i]! + 5),
      )
    }
    const told = since()
    await Promise.all(victims.map(start))
    t.diagnostic(
      `killed ${victims}: all proxies connected after ${back}, all answered by the change after ${told}, started after ${since()}`,
    )
  }
  const counts = await Promise.all(loads.map((load) => load.stop()))
  for (const each of counts) t.diagnostic(describe(each))
  assert.deepEqual(
    counts.flatMap(({ failures }) => failures),
    [],
  )
  assert.ok(counts.every(({ ok }) => ok > 100))
  assert.ok(
    counts.some(({ byApp }) => byApp.has('three')),
    'changes arrived',
  )
})

test('connections have an end: a Pilot that has come back gets its part of the proxies, and no request fails', async (t) => {
  await files.settings({ ...settings, xds: { maxConnectionAge: '2s' } })
  for (const index of [0, 1, 2]) {
    await kill(index)
    await start(index)
  }
  await connected([0, 1, 2])
  const loads = clients.map(({ outbound }) =>
    startLoad({ to: outbound, host, path: '/?delay=5', inFlight: 2, pause: 5 }),
  )
  t.after(() => Promise.all(loads.map((load) => load.stop())))
  await kill(1)
  await connected([0, 2])
  await start(1)
  const seen = new Set<string>()
  await until(
    'every proxy to have been at the Pilot that came back',
    async () => {
      for (const { proxyID } of await streamsOf(pilots[1]!)) seen.add(proxyID)
      return seen.size === SIDECARS
    },
    120_000,
  )
  const counts = await Promise.all(loads.map((load) => load.stop()))
  assert.deepEqual(
    counts.flatMap(({ failures }) => failures),
    [],
  )
})
