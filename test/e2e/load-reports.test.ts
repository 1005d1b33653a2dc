/** Envoys that report the load they cause (LRS), to a server alone and to a Pilot. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { createMemorySource, createXdsServer, type LoadReport } from '#xds/server/index.ts'
import { startApp } from '../support/apps.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { http1 } from '../support/clients.ts'
import { envoy, stat } from '../support/envoys.ts'
import { serviceEntry } from '../support/istio.ts'
import { freePort } from '../support/ports.ts'
import { world } from '../support/world.ts'

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

test('sidecars of `bootstrap --load-reporting` report to their Pilot, which shows it by zone', async () => {
  const host = 'orders.test.mesh'
  const apps = await Promise.all(
    ['a', 'b'].map(async (name) => house.add(await startApp({ kind: 'http', name }), (each) => each.stop())),
  )
  const endpoints = apps.map(({ address, port }, i) => ({
    address,
    ports: { http: port },
    locality: `r/z${i + 1}/rack`,
  }))
  const ports = [{ number: 80, name: 'http', protocol: 'HTTP' }]
  const mesh = await world(house, {
    files: { orders: [serviceEntry({ host, ports, endpoints })] },
    settings: (plain) => ({ ...plain, xds: { ...plain.xds, loadReportInterval: 300 } }),
  })
  const client = { locality: 'r/z1/other-rack', loadReporting: true }
  const one = await mesh.sidecar({ name: 'one', ip: mesh.ip(1), ...client })
  const two = await mesh.sidecar({ name: 'two', ip: mesh.ip(2), ...client })
  const silent = await mesh.sidecar({ name: 'silent', ip: mesh.ip(3) })
  const metric = async (name: string) => {
    const text = await (await fetch(`http://127.0.0.1:${mesh.pilot.adminPort}/metrics`)).text()
    return text.split('\n').filter((line) => line.startsWith(name))
  }
  // Envoy counts from the second report on that follows a cluster's coming.
  for (const { envoy } of [one, two]) {
    const reports = (await stat(envoy, 'load_reporter.responses')) ?? 0
    await until('reports', async () => ((await stat(envoy, 'load_reporter.responses')) ?? 0) >= reports + 2)
  }
  assert.equal((await metric('pilothouse_load_clients 2')).length, 1)
  for (let i = 0; i < 20; i++)
    for (const { outbound } of [one, two, silent]) await http1({ to: outbound, host })
  const labels = `destination_service="${host}",destination_port="80",source_zone="r/z1"`
  const counted = async () => {
    const lines = await metric(`pilothouse_load_requests_total{${labels}`)
    return lines.map((line) => Number(line.split(' ').at(-1)))
  }
  // Of two endpoints each gets half; the sidecar that does not report counts for nothing.
  await until('all to be counted', async () => (await counted()).reduce((a, b) => a + b, 0) === 40)
  assert.equal((await counted()).length, 2)

  let asking = true
  const load = (async () => {
    while (asking) await http1({ to: one.outbound, host })
  })()
  const row = await until('a rate', async () => {
    const [found] = await mesh.rest(`/debug/loadz?service=${host}`)
    return found?.from['r/z1'].to['r/z1']?.requests > 1 && found
  })
  assert.deepEqual([row.port, Object.keys(row.from)], [80, ['r/z1']])
  asking = false
  await load
  await until('quiet', async () => (await mesh.rest('/debug/loadz')).length === 0)
})
