/** An Envoy that reports the load it causes (LRS). */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { createMemorySource, createXdsServer, type LoadReport } from '#xds/server/index.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { envoy } from '../support/envoys.ts'
import { freePort } from '../support/ports.ts'

const house = cleanup()
after(() => house.end())

const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })
const lbEndpoint = (port: number) => ({ endpoint: { address: address(port) } })

/** An app that fails each request but those for /well. */
async function app(): Promise<number> {
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/well' ? 200 : 503).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  house.add(server, (each) => void each.close().closeAllConnections())
  return (server.address() as AddressInfo).port
}

const http = (port: number) => ({
  name: 'in',
  address: address(port),
  filter_chains: [
    {
      filters: [
        {
          name: 'hcm',
          typed_config: {
            '@type':
              'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
            stat_prefix: 'in',
            route_config: {
              virtual_hosts: [
                {
                  name: 'all',
                  domains: ['*'],
                  routes: [{ match: { prefix: '/' }, route: { cluster: 'app' } }],
                },
              ],
            },
            http_filters: [
              {
                name: 'router',
                typed_config: {
                  '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
                },
              },
            ],
          },
        },
      ],
    },
  ],
})

test('what Envoy reports is what was sent through it, by locality', async (t) => {
  const reports: LoadReport[] = []
  const server = house.add(
    createXdsServer({ source: createMemorySource(), limits: { loadReportMs: 300 } }),
    (each) => each.close(),
  )
  server.loads.reports.subscribe((report) => void reports.push(report))
  const { port } = await server.listen('127.0.0.1:0')
  const inPort = await freePort()
  const running = await envoy(house, {
    node: { id: 'orders-1', cluster: 'orders', locality: { region: 'r', zone: 'z1' } },
    cluster_manager: {
      load_stats_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
      },
    },
    static_resources: {
      listeners: [http(inPort)],
      clusters: [
        {
          name: 'xds-grpc',
          type: 'STATIC',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: { cluster_name: 'xds-grpc', endpoints: [{ lb_endpoints: [lbEndpoint(port)] }] },
        },
        {
          name: 'app',
          type: 'STATIC',
          load_assignment: {
            cluster_name: 'app',
            endpoints: [
              { locality: { region: 'r', zone: 'z1' }, lb_endpoints: [lbEndpoint(await app())] },
              { locality: { region: 'r', zone: 'z2' }, lb_endpoints: [lbEndpoint(await app())] },
            ],
          },
        },
      ],
    },
  })
  await running.ready()
  await until('Envoy to be told', async () =>
    (await running.get('/stats')).body.includes('load_reporter.responses: 1'),
  )
  for (let i = 0; i < 20; i++) {
    const answer = await fetch(`http://127.0.0.1:${inPort}/${i < 15 ? 'well' : 'badly'}`)
    await answer.text()
  }
  const localities = () =>
    reports
      .flatMap(({ clusters }) => clusters)
      .filter(({ name }) => name === 'app')
      .flatMap((cluster) => cluster.localities)
  const sum = (of: 'issued' | 'succeeded' | 'failed') => localities().reduce((all, each) => all + each[of], 0)
  await until('all to be reported', () => sum('succeeded') + sum('failed') === 20)
  assert.deepEqual([sum('issued'), sum('succeeded'), sum('failed')], [20, 15, 5])
  assert.deepEqual([...new Set(localities().map(({ region, zone }) => `${region}/${zone}`))].sort(), [
    'r/z1',
    'r/z2',
  ])
  const [report] = reports
  assert.equal(report?.node.id, 'orders-1')
  assert.equal(report?.node.locality?.zone, 'z1')
  t.diagnostic(`${reports.length} reports, ${JSON.stringify(report?.clusters)}`)

  await until(
    'an interval without requests',
    () => server.loads.latest()[0]?.clusters.every(({ name }) => name !== 'app') === true,
  )
  await running.stop()
  await until('it to be forgotten', () => server.loads.latest().length === 0)
})
