import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Client, status } from '@grpc/grpc-js'
import {
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthListRequestSchema,
  HealthListResponseSchema,
  HealthCheckResponse_ServingStatus as Serving,
} from '#xds/proto/gen/grpc/health/v1/health_pb.js'
import { createMemorySource } from '#xds/server/memory.ts'
import { createXdsServer, type XdsServer } from '#xds/server/server.ts'
import { until } from '../support/cleanup.ts'
import { connect, openStream, unary } from './client.ts'

const CHECK = '/grpc.health.v1.Health/Check'
const LIST = '/grpc.health.v1.Health/List'
const WATCH = '/grpc.health.v1.Health/Watch'
const ADS = 'envoy.service.discovery.v3.AggregatedDiscoveryService'
const schemas = [HealthCheckRequestSchema, HealthCheckResponseSchema] as const

describe('gRPC health', () => {
  let server: XdsServer
  let port = 0
  let client: Client

  before(async () => {
    server = createXdsServer({
      source: createMemorySource(),
      limits: { firstRequestMs: 200 },
    })
    port = (await server.listen('127.0.0.1:0')).port
    client = connect(port)
  })
  after(async () => {
    client.close()
    await server.close()
  })

  for (const service of ['', ADS, 'envoy.service.endpoint.v3.EndpointDiscoveryService'])
    test(`Check says that ${service || 'the server'} is serving`, async () => {
      assert.equal((await unary(client, CHECK, schemas, { service })).status, Serving.SERVING)
    })

  test('Check of an unknown service is NOT_FOUND', async () => {
    await assert.rejects(unary(client, CHECK, schemas, { service: 'envoy' }), { code: status.NOT_FOUND })
  })

  test('List has all', async () => {
    const { statuses } = await unary(client, LIST, [HealthListRequestSchema, HealthListResponseSchema], {})
    assert.ok(Object.keys(statuses).length > 10)
    assert.ok(Object.values(statuses).every((each) => each.status === Serving.SERVING))
    for (const name of ['', ADS, 'grpc.health.v1.Health', 'grpc.reflection.v1.ServerReflection'])
      assert.ok(name in statuses, name)
  })

  test('Watch of an unknown service says so and goes on', async () => {
    const stream = openStream(client, WATCH, schemas)
    stream.send({ service: 'envoy' })
    assert.equal((await stream.next()).status, Serving.SERVICE_UNKNOWN)
    stream.call.cancel()
    assert.equal((await stream.ended).code, status.CANCELLED)
  })

  test('a Watch that asks nothing, or nonsense, is ended', async () => {
    const silent = openStream(client, WATCH, schemas)
    assert.equal((await silent.ended).code, status.DEADLINE_EXCEEDED)
    const closing = openStream(client, WATCH, schemas)
    closing.call.end()
    assert.equal((await closing.ended).code, status.INVALID_ARGUMENT)
    const nonsense = openStream(client, WATCH, schemas)
    nonsense.call.write(Buffer.from([0xff, 0xff]))
    assert.equal((await nonsense.ended).code, status.INVALID_ARGUMENT)
  })

  test('a client that said all may listen on, and learns of draining', async () => {
    const stream = openStream(client, WATCH, schemas)
    stream.send({ service: ADS })
    stream.call.end()
    assert.equal((await stream.next()).status, Serving.SERVING)
    const drained = server.drain(400)
    assert.equal((await stream.next()).status, Serving.NOT_SERVING)
    await drained
    await stream.ended
    const late = connect(port)
    await assert.rejects(unary(late, CHECK, schemas, {}), { code: status.UNAVAILABLE })
    late.close()
  })
})

test('those who watch count as streams, those who check do not', async (t) => {
  const refused: string[] = []
  const server = createXdsServer({
    source: createMemorySource(),
    limits: { maxStreams: 3 },
    observer: { onRefused: (_, code, message) => void refused.push(`${code} ${message}`) },
  })
  t.after(() => server.close())
  const client = connect((await server.listen('127.0.0.1:0')).port)
  t.after(() => client.close())
  const watch = async () => {
    const stream = openStream(client, WATCH, schemas)
    stream.send({})
    assert.equal((await stream.next()).status, Serving.SERVING)
    return stream
  }
  const watching = [await watch(), await watch(), await watch()]
  await assert.rejects(watch(), /8 this Pilot serves 3 streams at most/)
  assert.deepEqual(refused, ['RESOURCE_EXHAUSTED this Pilot serves 3 streams at most'])
  assert.equal((await unary(client, CHECK, schemas, {})).status, Serving.SERVING)
  watching[0]!.call.cancel()
  await until('a stream to be free', () =>
    watch().then(
      () => true,
      () => false,
    ),
  )
})
