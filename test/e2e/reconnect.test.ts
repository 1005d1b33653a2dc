/** An Envoy whose stream breaks while one of its clusters is warming: it waits for endpoints that it has. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { bootstrap } from '#inject/bootstrap.ts'
import { resource } from '#xds/make-resource.ts'
import {
  ClusterSchema,
  Cluster_DiscoveryType as Discovery,
} from '#xds/proto/gen/envoy/config/cluster/v3/cluster_pb.js'
import { ApiVersion } from '#xds/proto/gen/envoy/config/core/v3/config_source_pb.js'
import { ClusterLoadAssignmentSchema } from '#xds/proto/gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { duration } from '#xds/proto/index.ts'
import type { Resource } from '#xds/resources.ts'
import { createMemorySource, createXdsServer } from '#xds/server/index.ts'
import { shortName } from '#xds/type-urls.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { envoy, stat } from '../support/envoys.ts'
import { freePort } from '../support/ports.ts'

const house = cleanup()
after(() => house.end())

/** No timeout: it waits for its endpoints for ever. */
const cluster = (name: string, connectTimeout: number, children = [name]): Resource => {
  const edsConfig = {
    configSourceSpecifier: { case: 'ads' as const, value: {} },
    resourceApiVersion: ApiVersion.V3,
    initialFetchTimeout: duration(0),
  }
  const message = {
    name,
    connectTimeout: duration(connectTimeout),
    clusterDiscoveryType: { case: 'type' as const, value: Discovery.EDS },
    edsClusterConfig: { edsConfig },
  }
  return resource(ClusterSchema, name, message, children)
}
const assignment = (name: string): Resource =>
  resource(ClusterLoadAssignmentSchema, name, { clusterName: name })

/** A server that notes what it sends: `eds: a b`. */
async function serve(port: number, ...resources: Resource[]) {
  const source = createMemorySource()
  source.update('*', ...resources)
  const sent: string[] = []
  const onPush = (_: unknown, typeUrl: string, pushed: readonly Resource[]) => {
    const names = pushed.map(({ name }) => name).sort()
    sent.push([`${shortName(typeUrl)}:`, ...names].join(' '))
  }
  const server = house.add(createXdsServer({ source, observer: { onPush } }), (each) => each.close())
  await server.listen(`127.0.0.1:${port}`)
  return { source, sent, close: () => server.close() }
}

for (const xdsApi of ['DELTA_GRPC', 'GRPC'] as const)
  test(`${xdsApi}: a cluster that was warming when the stream broke gets warm`, async (t) => {
    const port = await freePort()
    const endpoints = [assignment('a'), assignment('b')]
    const first = await serve(port, cluster('a', 1000), cluster('b', 1000), ...endpoints)
    const running = await envoy(
      house,
      bootstrap({ id: xdsApi, xds: `127.0.0.1:${port}`, xdsApi, adminPort: 0 }),
    )
    await running.ready()
    const warming = () => stat(running, 'cluster_manager.warming_clusters')

    // The stream is to break after the cluster and before its endpoints: this one seems to have none.
    first.source.update('*', cluster('a', 2000, []))
    await until('the changed cluster to be warming', async () => (await warming()) === 1)
    await first.close()
    const broken = performance.now()
    const second = await serve(port, cluster('a', 2000), cluster('b', 1000), ...endpoints)
    await until('the changed cluster to be warm', async () => (await warming()) === 0, 20_000)
    await until('Envoy to have asked for clusters', () => second.sent.some((each) => each.startsWith('cds')))
    t.diagnostic(`warm ${Math.round(performance.now() - broken)} ms after the break; sent: ${second.sent}`)

    if (xdsApi === 'DELTA_GRPC') {
      assert.deepEqual(second.sent, ['eds: a b', 'lds:', 'cds:'])
      await second.close()
      const third = await serve(port, cluster('a', 2000), cluster('b', 1000), ...endpoints)
      await until('Envoy to be back', () => third.sent.length >= 3, 20_000)
      assert.deepEqual(third.sent, ['cds:', 'eds:', 'lds:'], 'who has all gets nothing')
    }
    await running.stop()
  })
