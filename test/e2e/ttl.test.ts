/** An Envoy whose resources have a TTL: they stay while the server tells it so, and go when it no longer does. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { bootstrap } from '#inject/bootstrap.ts'
import type { EnvoyProcess } from '#src/demo/envoy-process.ts'
import { resource, withTtl } from '#xds/make-resource.ts'
import {
  ClusterSchema,
  Cluster_DiscoveryType as Discovery,
} from '#xds/proto/gen/envoy/config/cluster/v3/cluster_pb.js'
import { RuntimeSchema } from '#xds/proto/gen/envoy/service/runtime/v3/rtds_pb.js'
import type { Resource } from '#xds/resources.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { envoy, stat } from '../support/envoys.ts'
import { freePort } from '../support/ports.ts'
import { serve } from '../support/served.ts'

const house = cleanup()
after(() => house.end())

const ttl = 2000
const runtime = withTtl(
  resource(RuntimeSchema, 'faults', { name: 'faults', layer: { 'fault.test': '1' } }),
  ttl,
)
const cluster = (name: string): Resource =>
  resource(ClusterSchema, name, {
    name,
    clusterDiscoveryType: { case: 'type', value: Discovery.STATIC },
  })

const resources = [runtime, withTtl(cluster('mortal'), ttl), cluster('lasting')]

const hasRuntime = async (running: EnvoyProcess) =>
  (await running.get('/runtime')).body.includes('fault.test')

for (const xdsApi of ['DELTA_GRPC', 'GRPC'] as const)
  test(`${xdsApi}: heartbeats keep resources; without a server they go, and come back with it`, async (t) => {
    const port = await freePort()
    const server = await serve(house, port, resources)
    const base = bootstrap({ id: xdsApi, xds: `127.0.0.1:${port}`, xdsApi, adminPort: 0 })
    const rtds = { name: 'faults', rtds_config: { ads: {}, resource_api_version: 'V3' } }
    const running = await envoy(house, {
      ...base,
      layered_runtime: { layers: [{ name: 'rtds', rtds_layer: rtds }] },
    })
    await running.ready()
    const names = async () => {
      const { body } = await running.get('/clusters')
      return ['lasting', 'mortal'].filter((name) => body.includes(`${name}::`))
    }
    await until('all to be there', async () => (await hasRuntime(running)) && (await names()).length === 2)
    const counters = async () => ({
      modified: await stat(running, 'cluster_manager.cluster_modified'),
      added: await stat(running, 'cluster_manager.cluster_added'),
      removed: await stat(running, 'cluster_manager.cluster_removed'),
      runtime: await stat(running, 'runtime.load_success'),
    })
    const before = await counters()
    const pushed = (push: string) => server.pushes.filter((each) => each.startsWith(push)).length
    await until(
      'four heartbeats of each, twice the TTL',
      () => pushed('rtds: faults') > 4 && pushed('cds: ') > 4,
    )
    const { runtime: loads, ...unchanged } = await counters()
    assert.deepEqual({ ...unchanged, runtime: before.runtime }, before, 'no cluster is touched')
    // A heartbeat of state of the world carries the layer itself.
    if (xdsApi === 'DELTA_GRPC') assert.equal(loads, before.runtime, 'nothing is loaded again')
    assert.ok(await hasRuntime(running))
    assert.deepEqual(await names(), ['lasting', 'mortal'])
    assert.deepEqual(server.nacks, [])

    await server.close()
    const gone = performance.now()
    await until(
      'what has a TTL to go',
      async () => !(await hasRuntime(running)) && (await names()).length === 1,
    )
    t.diagnostic(`gone after ${Math.round(performance.now() - gone)} ms`)
    assert.deepEqual(await names(), ['lasting'])

    const second = await serve(house, port, resources)
    await until(
      'all to be back',
      async () => (await hasRuntime(running)) && (await names()).length === 2,
      20_000,
    )
    assert.deepEqual(second.nacks, [])
    await running.stop()
  })

for (const xdsApi of ['DELTA_GRPC', 'GRPC'] as const)
  test(`${xdsApi}: what expired while the server stood still comes back`, async () => {
    const port = await freePort()
    const server = await serve(house, port, resources)
    const running = await envoy(
      house,
      bootstrap({ id: xdsApi, xds: `127.0.0.1:${port}`, xdsApi, adminPort: 0 }),
    )
    await running.ready()
    const removed = () => stat(running, 'cluster_manager.cluster_removed')
    const active = () => stat(running, 'cluster_manager.active_clusters')
    const before = await active()
    assert.equal(await removed(), 0)
    // As a suspended process: nothing turns for longer than the TTL.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * ttl)
    await until(
      'it to have gone and come back',
      async () => (await removed()) === 1 && (await active()) === before,
    )
    if (xdsApi === 'DELTA_GRPC') assert.equal(server.nacks.length, 1, 'the heartbeat that came too late')
    else assert.deepEqual(server.nacks, [])
    await running.stop()
  })
