/** From reports of load to weights at the proxies: what one change costs, over real gRPC. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { putFile } from '#src/demo/files.ts'
import { createLivePipeline } from '#src/live-pipeline.ts'
import { startPilot } from '#src/main.ts'
import { loadSettings } from '#src/settings.ts'
import { silentLogger } from '#support/logger.ts'
import { ClusterLoadAssignmentSchema } from '#xds/proto/gen/envoy/config/endpoint/v3/endpoint_pb.js'
import {
  LoadStatsRequestSchema,
  LoadStatsResponseSchema,
} from '#xds/proto/gen/envoy/service/load_stats/v3/lrs_pb.js'
import { AnySchema, decode, duration } from '#xds/proto/index.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { cluster, report, to } from '../load/reports.ts'
import { connect, openDelta, openStream } from '../server/client.ts'
import { type Cleanup, cleanup, until } from '../support/cleanup.ts'
import { serviceEntry } from '../support/istio.ts'

const LRS = '/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats'
const name = 'outbound|80||orders.test.mesh'
const ports = [{ number: 80, name: 'http', protocol: 'HTTP' }]
const endpoints = ['a', 'b'].map((zone, i) => ({ address: `10.0.0.${i + 1}`, locality: `r/${zone}` }))

/** Settings of a directory with one service in two zones. */
async function settingsOf(house: Cleanup) {
  const directory = mkdtempSync(join(tmpdir(), 'pilothouse-weights-'))
  house.add(directory, (path) => rmSync(path, { recursive: true, force: true }))
  await putFile(join(directory, 'mesh'), 'orders.yaml', [
    serviceEntry({ host: 'orders.test.mesh', ports, endpoints }),
  ])
  return (interval: string) => {
    const text = `registries: [{ kind: file, path: mesh }]
mesh: { localityWeightsFromLoad: { enabled: true, interval: ${interval} } }
xds: { address: "127.0.0.1:0" }
admin: { address: "127.0.0.1:0" }`
    const { settings, issues } = loadSettings({ file: join(directory, 'p.yaml'), readText: () => text })
    assert.deepEqual(issues, [])
    return settings!
  }
}

test('reports move the weights of each zone, with one encode a zone, and endpoints only are sent', async (t) => {
  const house = cleanup()
  t.after(() => house.end())
  const settings = (await settingsOf(house))('100ms')
  const pilot = house.add(await startPilot(settings, { log: silentLogger }), (each) => each.stop())
  const client = house.add(connect((await pilot.xds).port), (each) => each.close())

  const node = (zone: string, i: number) => ({
    id: `sidecar~10.1.0.${i}~${zone}${i}.test~test.svc.cluster.local`,
    locality: { region: 'r', zone },
  })
  const types: string[] = []
  /** Three proxies of each zone; each has its newest weights by zone. */
  const proxies = ['a', 'b'].flatMap((zone) =>
    [1, 2, 3].map((i) => {
      const stream = openDelta(client)
      const has: { weights?: readonly number[] } = {}
      stream.send({ node: node(zone, i), typeUrl: typeUrls.cluster })
      stream.send({ typeUrl: typeUrls.endpoint, resourceNamesSubscribe: [name] })
      const read = async () => {
        for (;;) {
          const { typeUrl, nonce, resources } = await stream.next(60_000)
          types.push(typeUrl)
          if (typeUrl === typeUrls.endpoint)
            has.weights = decode(ClusterLoadAssignmentSchema, resources[0]!.resource!.value).endpoints.map(
              ({ loadBalancingWeight }) => loadBalancingWeight ?? 0,
            )
          stream.send({ typeUrl, responseNonce: nonce })
        }
      }
      read().catch(() => {})
      return { zone, has }
    }),
  )
  const have = (a: readonly number[], b: readonly number[]) =>
    until(`weights ${a} and ${b}`, () =>
      proxies.every(({ zone, has }) => `${has.weights}` === `${zone === 'a' ? a : b}`),
    )
  await have([5000, 5000], [5000, 5000])
  const metric = async (wanted: string) => {
    const { port } = pilot.admin
    const lines = (await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()).split('\n')
    return Number(
      lines
        .find((line) => line.startsWith(`${wanted} `))
        ?.split(' ')
        .at(-1) ?? 0,
    )
  }
  const encoded = async (type: string) => metric(`pilothouse_encodes_total{type="${type}"}`)
  const encodes = () => Promise.all(['cds', 'eds', 'lds', 'rds'].map(encoded))
  const before = await encodes()
  types.length = 0

  const reporters = ['a', 'b'].map((zone) => {
    const stream = openStream(client, LRS, [LoadStatsRequestSchema, LoadStatsResponseSchema])
    stream.send({ node: node(zone, 1) })
    return (requests: number) =>
      stream.send({
        clusterStats: [
          {
            clusterName: name,
            loadReportInterval: duration(10_000),
            upstreamLocalityStats: [
              { locality: { region: 'r', zone }, totalIssuedRequests: BigInt(requests) },
            ],
          },
        ],
      })
  })
  // While b alone has load, half of it is too much for b: as without reports.
  reporters[1]!(10_000)
  await until('a report', async () => (await metric('pilothouse_load_clients')) === 1)
  reporters[0]!(2500)
  await have([10_000, 0], [3750, 6250])
  const after = await encodes()
  assert.deepEqual(after, [before[0], before[1]! + 2, before[2], before[3]])
  assert.deepEqual(types, Array(6).fill(typeUrls.endpoint))
})

test('settings that are read again begin with the weights of those before', async (t) => {
  const house = cleanup()
  t.after(() => house.end())
  const settings = await settingsOf(house)
  const loads = [
    report('one', 'r/a', cluster(name, to('r/a', 9000))),
    report('two', 'r/b', cluster(name, to('r/b', 1000))),
  ]
  const live = createLivePipeline(settings('1h'), { log: silentLogger, loads: () => loads })
  house.add(live, (each) => each.end())
  live.start()
  assert.ok(await live.whenReady())
  const seen: string[] = []
  const client = live.source.connect(loads[0]!.node).subscribe(({ resources }) => {
    const { value } = decode(AnySchema, resources.get(typeUrls.endpoint, name)!.bytes)
    const weights = decode(ClusterLoadAssignmentSchema, value).endpoints
    seen.push(`${weights.map(({ loadBalancingWeight }) => loadBalancingWeight)}`)
  })
  house.add(client, (each) => each.unsubscribe())
  assert.deepEqual(seen, ['5556,4444'])
  assert.ok(await live.replace(settings('2h')))
  assert.deepEqual([...new Set(seen)], ['5556,4444'])
})
