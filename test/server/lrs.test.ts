import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Client, status } from '@grpc/grpc-js'
import {
  LoadStatsRequestSchema,
  LoadStatsResponseSchema,
} from '#xds/proto/gen/envoy/service/load_stats/v3/lrs_pb.js'
import { duration, type MessageInitShape, milliseconds } from '#xds/proto/index.ts'
import { createMemorySource, createXdsServer, type LoadReport, type XdsServer } from '#xds/server/index.ts'
import { until } from '../support/cleanup.ts'
import { connect, openStream } from './client.ts'

const LRS = '/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats'
const schemas = [LoadStatsRequestSchema, LoadStatsResponseSchema] as const
type Stats = NonNullable<MessageInitShape<typeof LoadStatsRequestSchema>['clusterStats']>[number]

/** Requests in zone `z`. */
const load = (clusterName: string, issued: number): Stats => ({
  clusterName,
  clusterServiceName: `${clusterName}-eds`,
  loadReportInterval: duration(1500),
  totalDroppedRequests: 2n,
  upstreamLocalityStats: [
    {
      locality: { region: 'r', zone: 'z', subZone: 's' },
      priority: 1,
      totalIssuedRequests: BigInt(issued),
      totalSuccessfulRequests: 3n,
      totalErrorRequests: 4n,
      totalRequestsInProgress: 5n,
      loadMetricStats: [{ metricName: 'cpu', numRequestsFinishedWithMetric: 3n, totalMetricValue: 1.5 }],
    },
    { locality: { zone: 'idle' } },
  ],
})

const plain = (name: string, issued: number) => ({
  name,
  service: `${name}-eds`,
  intervalMs: 1500,
  dropped: 2,
  localities: [
    {
      region: 'r',
      zone: 'z',
      subZone: 's',
      priority: 1,
      issued,
      succeeded: 3,
      failed: 4,
      inProgress: 5,
      metrics: [{ name: 'cpu', requests: 3, total: 1.5 }],
    },
  ],
})

describe('LRS', () => {
  const seen: LoadReport[] = []
  let server: XdsServer
  let client: Client
  before(async () => {
    server = createXdsServer({
      source: createMemorySource(),
      limits: { maxRequestBytes: 100_000, maxStreams: 3, maxLoadEntries: 10, firstRequestMs: 300 },
      now: () => 1234,
    })
    server.loads.reports.subscribe((report) => void seen.push(report))
    client = connect((await server.listen('127.0.0.1:0')).port)
  })
  after(async () => {
    client.close()
    await server.close()
  })
  const open = () => openStream(client, LRS, schemas)
  const join = async (id: string) => {
    const stream = open()
    stream.send({ node: { id } })
    await stream.next()
    return stream
  }
  const latest = () =>
    server.loads.latest().map(({ node, clusters }) => [node.id, clusters.map(({ name }) => name)])

  test('a client is told to report all clusters each ten seconds; its newest report stands until it goes', async () => {
    const stream = open()
    stream.send({ node: { id: 'orders-1', locality: { region: 'r', zone: 'z' } } })
    const told = await stream.next()
    assert.equal(told.sendAllClusters, true)
    assert.equal(milliseconds(told.loadReportingInterval!), 10_000)
    assert.deepEqual(server.loads.latest(), [])

    stream.send({ clusterStats: [load('a', 7), load('b', 8), { clusterName: 'idle' }] })
    await until('the report', () => seen.length === 1)
    const [report] = server.loads.latest()
    assert.equal(report?.node.id, 'orders-1')
    assert.equal(report?.node.locality?.zone, 'z')
    assert.equal(report?.at, 1234)
    assert.match(report?.peer ?? '', /^127\.0\.0\.1:\d+$/)
    assert.deepEqual(report?.clusters, [plain('a', 7), plain('b', 8)])
    assert.deepEqual(seen, [report])

    stream.send({ clusterStats: [load('b', 9)] })
    await until('the next', () => seen.length === 2)
    assert.deepEqual(server.loads.latest()[0]?.clusters, [plain('b', 9)])
    stream.call.end()
    assert.equal((await stream.ended).code, status.OK)
    await until('it to be forgotten', () => server.loads.latest().length === 0)
  })

  test('a first request may bring a report', async () => {
    const stream = open()
    stream.send({ node: { id: 'n' }, clusterStats: [load('a', 1)] })
    await stream.next()
    assert.deepEqual(latest(), [['n', ['a']]])
    stream.call.cancel()
    await until('it to be forgotten', () => server.loads.latest().length === 0)
  })

  test('what is kept is bounded, what is told is not; who goes makes room', async () => {
    const first = await join('first')
    const second = await join('second')
    const before = seen.length
    // Three entries each: cluster, locality, metric.
    first.send({ clusterStats: [load('a', 1), load('b', 1)] })
    await until('the first', () => seen.length === before + 1)
    second.send({ clusterStats: [load('a', 1), load('b', 1)] })
    await until('the second', () => seen.length === before + 2)
    assert.deepEqual(latest(), [['first', ['a', 'b']]])
    first.call.cancel()
    await until('room', () => server.loads.latest().length === 0)
    second.send({ clusterStats: [load('a', 1), load('b', 1), load('c', 1)] })
    await until('it to be kept', () => server.loads.latest().length === 1)
    assert.deepEqual(latest(), [['second', ['a', 'b', 'c']]])
    second.call.cancel()
    await until('it to be forgotten', () => server.loads.latest().length === 0)
  })

  test('no node, nonsense, too much, silence: each ends its own stream', async () => {
    const nobody = open()
    nobody.send({ clusterStats: [load('a', 1)] })
    assert.equal((await nobody.ended).code, status.INVALID_ARGUMENT)
    const nonsense = open()
    nonsense.call.write(Buffer.from([0xff, 0x00]))
    assert.equal((await nonsense.ended).code, status.INVALID_ARGUMENT)
    const large = await join('large')
    large.send({ clusterStats: [load('x'.repeat(200_000), 1)] })
    assert.equal((await large.ended).code, status.RESOURCE_EXHAUSTED)
    assert.equal((await open().ended).code, status.DEADLINE_EXCEEDED)
    assert.deepEqual(server.loads.latest(), [])
  })

  test('streams are limited, and end when the server drains', async () => {
    const streams = [await join('a'), await join('b'), await join('c')]
    await assert.rejects(join('d'), /8 this Pilot serves 3 streams at most/)
    await server.drain(200)
    for (const { ended } of streams) assert.equal((await ended).code, status.UNAVAILABLE)
  })
})
