/** An Envoy that is told why what it named does not exist (resource_errors): it takes no harm. */
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
import type { Absence } from '#xds/resources.ts'
import { shortName } from '#xds/type-urls.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { envoy, stat } from '../support/envoys.ts'
import { freePort } from '../support/ports.ts'
import { serve } from '../support/served.ts'

const house = cleanup()
after(() => house.end())

const cluster = resource(ClusterSchema, 'hidden', {
  name: 'hidden',
  clusterDiscoveryType: { case: 'type', value: Discovery.EDS },
  edsClusterConfig: {
    edsConfig: {
      configSourceSpecifier: { case: 'ads', value: {} },
      resourceApiVersion: ApiVersion.V3,
    },
  },
})
const socketAddress = { address: '127.0.0.1', portSpecifier: { case: 'portValue' as const, value: 9 } }
const address = { address: { case: 'socketAddress' as const, value: socketAddress } }
const endpoints = resource(ClusterLoadAssignmentSchema, 'hidden', {
  clusterName: 'hidden',
  endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address } } }] }],
})

for (const xdsApi of ['DELTA_GRPC', 'GRPC'] as const)
  test(`${xdsApi}: Envoy takes the answer, and the resource when it comes`, async () => {
    const told: string[] = []
    const absence = (typeUrl: string, name: string): Absence => {
      told.push(`${shortName(typeUrl)} ${name}`)
      return { code: 'PERMISSION_DENIED', message: 'not exported to this namespace' }
    }
    const port = await freePort()
    const { source, acks, nacks } = await serve(house, port, [cluster], { absence })
    const running = await envoy(
      house,
      bootstrap({ id: xdsApi, xds: `127.0.0.1:${port}`, xdsApi, adminPort: 0 }),
    )
    await until('it to take the answer', () => acks.includes('eds'))
    assert.equal(await stat(running, 'control_plane.connected_state'), 1)
    source.update('*', endpoints)
    await until('it to have them', async () => (await stat(running, 'cluster.hidden.membership_total')) === 1)
    await running.ready()
    assert.deepEqual(told, ['eds hidden'])
    assert.deepEqual(nacks, [])
    await running.stop()
  })
