/** Weights of localities that follow the load: what real Envoys report moves what they are told, and where requests go. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startApp } from '../support/apps.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { stat } from '../support/envoys.ts'
import { serviceEntry } from '../support/istio.ts'
import { describe, type Load, startLoad } from '../support/traffic.ts'
import { type TestSidecar, world } from '../support/world.ts'

const house = cleanup()
after(() => house.end())

const host = 'orders.test.mesh'
const zones = ['z1', 'z2'] as const
type Zone = (typeof zones)[number]

/** Two endpoints in each zone, and a client. */
async function twoZones() {
  const apps = await Promise.all(
    ['z1-a', 'z1-b', 'z2-a', 'z2-b'].map(async (name) =>
      house.add(await startApp({ kind: 'http', name }), (each) => each.stop()),
    ),
  )
  const entry = (ill: (name: string) => boolean = () => false) =>
    serviceEntry({
      host,
      ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
      endpoints: apps.map(({ name, address, port }) => ({
        address,
        ports: { http: port },
        locality: `r/${name.slice(0, 2)}`,
        ...(ill(name) && { labels: { 'pilothouse.io/health': 'unhealthy' } }),
      })),
    })
  const mesh = await world(house, {
    files: { orders: [entry()] },
    settings: (plain) => ({
      ...plain,
      xds: { ...plain.xds, loadReportInterval: 1000 },
      mesh: { ...plain.mesh, localityWeightsFromLoad: { interval: 1000, threshold: 0.05 } },
    }),
  })
  const client = (zone: Zone, n: number) =>
    mesh.sidecar({ name: zone, ip: mesh.ip(n), locality: `r/${zone}/rack`, loadReporting: true })
  return { mesh, entry, clients: { z1: await client('z1', 1), z2: await client('z2', 2) } }
}

const load = ({ outbound }: TestSidecar, inFlight: number): Load =>
  house.add(startLoad({ to: outbound, host, inFlight, pause: 20 }), (each) => each.stop())

/** Of the next requests of each: how many there were, and the part that each zone answered. */
async function look(loads: Readonly<Record<Zone, Load>>) {
  const answered = (zone: Zone, by: Zone) =>
    [...loads[zone].counts.byApp]
      .filter(([app]) => app.startsWith(by))
      .reduce((sum, [, count]) => sum + count, 0)
  const all = () => zones.map((zone) => zones.map((by) => answered(zone, by)))
  const before = all()
  const since = () => all().map((row, i) => row.map((count, j) => count - before[i]![j]!))
  await until('requests', () => since().every((row) => row[0]! + row[1]! >= 50))
  const [one, two] = since() as [[number, number], [number, number]]
  return {
    local: { z1: one[0] / (one[0] + one[1]), z2: two[1] / (two[0] + two[1]) },
    inZ1: (one[0] + two[0]) / (one[0] + one[1] + two[0] + two[1]),
    text: `z1 ${one}, z2 ${two}`,
  }
}

test('endpoints share the load, the quiet zone stays at home; when load moves, so do the weights', async (t) => {
  const { mesh, entry, clients } = await twoZones()
  const modified = () => stat(clients.z1.envoy, 'cluster_manager.cluster_modified')
  const balanced = async (loads: Readonly<Record<Zone, Load>>, quiet: Zone) => {
    const seen = await until(
      `${quiet} to stay at home, and both zones to answer as much`,
      async () => {
        const now = await look(loads)
        if (now.local[quiet] < 1 || Math.abs(now.inZ1 - 0.5) > 0.1) throw new Error(now.text)
        return now
      },
      60_000,
    )
    t.diagnostic(`answered by z1 and z2: requests of ${seen.text}`)
    // Were all of them at home, five of six would be.
    const busy = quiet === 'z1' ? 'z2' : 'z1'
    assert.ok(seen.local[busy] > 0.45 && seen.local[busy] < 0.75, seen.text)
  }

  let loads = { z1: load(clients.z1, 20), z2: load(clients.z2, 4) }
  const even = await look(loads)
  t.diagnostic(`before the first reports: ${even.text}`)
  const clusters = await modified()
  await balanced(loads, 'z2')
  const ended = [await loads.z1.stop(), await loads.z2.stop()]

  loads = { z1: load(clients.z1, 4), z2: load(clients.z2, 20) }
  await balanced(loads, 'z1')
  assert.equal(await modified(), clusters, 'no cluster was made anew')

  // Capacity counts at once, without waiting for a report.
  await mesh.put(
    'orders',
    entry((name) => name.startsWith('z1')),
  )
  await until('z2 to answer all', async () => (await look(loads)).inZ1 === 0)
  for (const counts of [...ended, await loads.z1.stop(), await loads.z2.stop()]) {
    t.diagnostic(describe(counts))
    assert.equal(counts.failed, 0)
  }
})
