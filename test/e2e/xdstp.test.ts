/** An Envoy whose resources have xdstp:// names: collections of clusters and listeners, endpoints and routes by name. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { bootstrap } from '#inject/bootstrap.ts'
import { ClusterSchema } from '#xds/proto/gen/envoy/config/cluster/v3/cluster_pb.js'
import { ClusterLoadAssignmentSchema } from '#xds/proto/gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { ListenerSchema } from '#xds/proto/gen/envoy/config/listener/v3/listener_pb.js'
import { RouteConfigurationSchema } from '#xds/proto/gen/envoy/config/route/v3/route_pb.js'
import type { Resource } from '#xds/resources.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { envoy, stat } from '../support/envoys.ts'
import { freePort } from '../support/ports.ts'
import { jsonResource, serve } from '../support/served.ts'

const house = cleanup()
after(() => house.end())

const ads = { ads: {}, resourceApiVersion: 'V3' }
const address = (portValue: number) => ({ socketAddress: { address: '127.0.0.1', portValue } })
/** Context parameters as Envoy puts them in order. */
const context = '?env=test&zone=z1'
const named = (type: string, id: string): string => `xdstp://pilot/${type}/${id}${context}`
const clusterName = (id: string) => named('envoy.config.cluster.v3.Cluster', id)
const listenerName = (id: string) => named('envoy.config.listener.v3.Listener', id)
const endpointsName = (id: string) => named('envoy.config.endpoint.v3.ClusterLoadAssignment', id)
const routesName = (id: string) => named('envoy.config.route.v3.RouteConfiguration', id)

const cluster = (id: string): Resource => {
  const edsClusterConfig = { serviceName: endpointsName(id), edsConfig: ads }
  const json = { name: clusterName(id), type: 'EDS', edsClusterConfig }
  return jsonResource(ClusterSchema, clusterName(id), json, [endpointsName(id)])
}
const endpoints = (id: string, port: number): Resource =>
  jsonResource(ClusterLoadAssignmentSchema, endpointsName(id), {
    clusterName: endpointsName(id),
    endpoints: [{ lbEndpoints: [{ endpoint: { address: address(port) } }] }],
  })
const routes = (id: string, to: string): Resource =>
  jsonResource(RouteConfigurationSchema, routesName(id), {
    name: routesName(id),
    virtualHosts: [
      {
        name: 'all',
        domains: ['*'],
        routes: [{ match: { prefix: '/' }, route: { cluster: clusterName(to) } }],
      },
    ],
  })
const listener = (id: string, port: number): Resource => {
  const manager = {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    statPrefix: id,
    rds: { routeConfigName: routesName(id), configSource: ads },
    httpFilters: [
      {
        name: 'router',
        typedConfig: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
  }
  const json = {
    name: listenerName(id),
    address: address(port),
    filterChains: [{ filters: [{ name: 'manager', typedConfig: manager }] }],
  }
  return jsonResource(ListenerSchema, listenerName(id), json, [routesName(id)])
}

/** An app that says its name. */
async function app(name: string): Promise<number> {
  const server = createServer((_, response) => response.end(name))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  house.add(server, (each) => void each.close().closeAllConnections())
  return (server.address() as AddressInfo).port
}
const ask = async (port: number): Promise<string> => (await fetch(`http://127.0.0.1:${port}/`)).text()

/** Asks for two collections, with context parameters in another order. */
async function start(xdsApi: 'DELTA_GRPC' | 'GRPC', port: number) {
  const plain = bootstrap({ id: xdsApi, xds: `127.0.0.1:${port}`, xdsApi, adminPort: 0 })
  const { dynamic_resources } = plain as { dynamic_resources: object }
  return envoy(house, {
    ...plain,
    dynamic_resources: {
      ...dynamic_resources,
      cds_resources_locator: 'xdstp://pilot/envoy.config.cluster.v3.Cluster/shop/*?zone=z1&env=test',
      lds_resources_locator: 'xdstp://pilot/envoy.config.listener.v3.Listener/edge/*?zone=z1&env=test',
    },
  })
}

for (const xdsApi of ['DELTA_GRPC', 'GRPC'] as const)
  test(`${xdsApi}: collections are served, and what comes, changes and goes in them`, async () => {
    const [port, inPort, otherPort] = [await freePort(), await freePort(), await freePort()]
    const { source, nacks, pushes } = await serve(house, port, [
      cluster('shop/a'),
      endpoints('shop/a', await app('a')),
      listener('edge/in', inPort),
      routes('edge/in', 'shop/a'),
      cluster('other/x'),
      listener('other/x', otherPort),
    ])
    const running = await start(xdsApi, port)
    await running.ready()
    assert.equal(await ask(inPort), 'a')
    const count = (name: string) => stat(running, `${name}`)
    assert.equal(await count('listener_manager.total_listeners_active'), 1)
    assert.equal(await count('cluster_manager.cluster_added'), 2, 'shop/a and the one of the bootstrap')

    source.update('*', cluster('shop/b'), endpoints('shop/b', await app('b')), routes('edge/in', 'shop/b'))
    await until('the new cluster to answer', async () => (await ask(inPort)) === 'b')
    const movedPort = await freePort()
    source.update('*', listener('edge/more', movedPort), routes('edge/more', 'shop/a'))
    await until('the new listener to answer', async () => (await ask(movedPort)) === 'a')
    source.update('*', endpoints('shop/a', await app('c')))
    await until('the new endpoint to answer', async () => (await ask(movedPort)) === 'c')

    source.remove('*', typeUrls.listener, listenerName('edge/more'))
    source.remove('*', typeUrls.cluster, clusterName('shop/a'))
    await until(
      'the listener to go',
      async () => (await count('listener_manager.total_listeners_active')) === 1,
    )
    await until('the cluster to go', async () => (await count('cluster_manager.cluster_removed')) === 1)
    assert.equal(await ask(inPort), 'b')
    assert.deepEqual(nacks, [])
    assert.ok(!pushes.some((each) => each.includes('other/x')))
    await running.stop()
  })

test('DELTA_GRPC: collections of nothing don’t keep Envoy waiting, and fill later', async () => {
  const [port, inPort] = [await freePort(), await freePort()]
  const { source, nacks } = await serve(house, port, [])
  const running = await start('DELTA_GRPC', port)
  await running.ready()
  source.update('*', cluster('shop/a'), endpoints('shop/a', await app('a')))
  source.update('*', listener('edge/in', inPort), routes('edge/in', 'shop/a'))
  await until('it to answer', async () => (await ask(inPort)) === 'a')
  assert.deepEqual(nacks, [])
  await running.stop()
})
