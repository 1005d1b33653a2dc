import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BootstrapError, type BootstrapOptions, bootstrap } from '#inject/bootstrap.ts'
import { clusterNameTag } from '#inject/stats-tags.ts'

const base: BootstrapOptions = { id: 'orders-1', ip: '10.0.0.7', xds: '127.0.0.1:15010' }

// biome-ignore lint/suspicious/noExplicitAny: the shape is Envoy's, and Envoy itself checks it in the e2e tests
const made = (more: Partial<BootstrapOptions> = {}): any => bootstrap({ ...base, ...more })

const listeners = (more: Partial<BootstrapOptions>) =>
  made(more).static_resources.listeners.map(
    (each: { name: string; address: { socket_address: { address: string; port_value: number } } }) =>
      `${each.name} ${each.address.socket_address.address} ${each.address.socket_address.port_value}`,
  )

describe('node', () => {
  test('a plain name becomes a node id of Istio and all metadata', () => {
    const { node } = made({
      namespace: 'shop',
      mode: 'explicit',
      outbound: '127.0.1.7:15002',
      labels: { app: 'orders' },
      locality: 'eu/eu-a/r7',
      network: 'vms',
      serviceAccount: 'orders',
      workload: 'orders',
      ip: '10.0.0.7, fd00::7',
    })
    assert.deepEqual(node, {
      id: 'sidecar~10.0.0.7~orders-1.shop~shop.svc.cluster.local',
      cluster: 'orders',
      locality: { region: 'eu', zone: 'eu-a', sub_zone: 'r7' },
      metadata: {
        NAMESPACE: 'shop',
        WORKLOAD_NAME: 'orders',
        INSTANCE_IPS: '10.0.0.7,fd00::7',
        INTERCEPTION_MODE: 'NONE',
        LABELS: { app: 'orders' },
        SERVICE_ACCOUNT: 'orders',
        NETWORK: 'vms',
        HTTP_PROXY_PORT: '15002',
        PILOTHOUSE_OUTBOUND: '127.0.1.7:15002',
      },
    })
  })

  test('a workload that registers itself names its group, and must have an address of its own', () => {
    assert.equal(made({ autoRegisterGroup: 'orders' }).node.metadata.AUTO_REGISTER_GROUP, 'orders')
    assert.throws(() => made({ autoRegisterGroup: 'orders', ip: undefined }), /--auto-register-group/)
    assert.equal(made({ onDemand: true }).node.metadata.PILOTHOUSE_ON_DEMAND, 'true')
    assert.throws(() => made({ onDemand: true, xdsApi: 'GRPC' }), /--on-demand/)
  })

  test('a node id of Istio stays, and gives what is not said', () => {
    const id = 'sidecar~10.1.2.3~web-0.front~front.svc.mesh.test'
    const { node } = made({ id, ip: undefined })
    assert.equal(node.id, id)
    assert.equal(node.cluster, 'web-0')
    assert.equal(node.metadata.NAMESPACE, 'front')
    assert.equal(node.metadata.WORKLOAD_NAME, 'web-0')
    assert.equal(node.metadata.INSTANCE_IPS, '10.1.2.3')
    assert.equal(node.metadata.INTERCEPTION_MODE, 'REDIRECT')
  })
})

describe('the way to the Pilot', () => {
  test('several Pilots, listed or behind one name, are one cluster of which any will do', () => {
    const way = (xds: BootstrapOptions['xds']) => made({ xds }).static_resources.clusters[0]
    const addresses = (xds: BootstrapOptions['xds']) =>
      way(xds).load_assignment.endpoints[0].lb_endpoints.map(
        (each: { endpoint: { address: { socket_address: { address: string; port_value: number } } } }) =>
          `${each.endpoint.address.socket_address.address}:${each.endpoint.address.socket_address.port_value}`,
      )
    const three = ['10.0.0.1:15010', '10.0.0.2:15010,10.0.0.3:15010', '10.0.0.1:15010']
    assert.deepEqual(addresses(three), ['10.0.0.1:15010', '10.0.0.2:15010', '10.0.0.3:15010'])
    assert.deepEqual([way(three).type, way(three).lb_policy], ['STATIC', 'ROUND_ROBIN'])
    const named = way(['10.0.0.1:15010', 'pilot.example.com:15010'])
    assert.deepEqual([named.type, named.lb_policy], ['STRICT_DNS', 'ROUND_ROBIN'])
    assert.equal(way('pilot.example.com:15010').lb_policy, 'ROUND_ROBIN')
    assert.equal(way('10.0.0.1:15010').lb_policy, undefined)
    assert.throws(() => way(['10.0.0.1:15010', 'nonsense']), BootstrapError)
  })

  const cases: [xds: string, type: string, address: string][] = [
    ['127.0.0.1:15010', 'STATIC', '127.0.0.1'],
    ['[::1]:15010', 'STATIC', '::1'],
    ['pilot.example.com:15010', 'STRICT_DNS', 'pilot.example.com'],
  ]
  for (const [xds, type, address] of cases)
    test(xds, () => {
      const { static_resources, dynamic_resources } = made({ xds })
      const [cluster] = static_resources.clusters
      assert.equal(cluster.name, 'xds-grpc')
      assert.equal(cluster.type, type)
      const [{ endpoint }] = cluster.load_assignment.endpoints[0].lb_endpoints
      assert.deepEqual(endpoint.address.socket_address, { address, port_value: 15010 })
      assert.equal(dynamic_resources.ads_config.api_type, 'DELTA_GRPC')
      assert.equal(dynamic_resources.ads_config.set_node_on_first_message_only, true)
      assert.equal(dynamic_resources.cds_config.initial_fetch_timeout, '0s')
    })

  test('load is reported over it, when asked for', () => {
    assert.equal(made().cluster_manager, undefined)
    const { load_stats_config } = made({ loadReporting: true }).cluster_manager
    assert.equal(load_stats_config.grpc_services[0].envoy_grpc.cluster_name, 'xds-grpc')
  })

  test('state of the world on demand', () =>
    assert.equal(made({ xdsApi: 'GRPC' }).dynamic_resources.ads_config.api_type, 'GRPC'))
})

describe('ports', () => {
  const cases: [name: string, options: Partial<BootstrapOptions>, wanted: string[]][] = [
    ['transparent: all addresses', {}, ['prometheus 0.0.0.0 15090', 'health 0.0.0.0 15021']],
    ['transparent, IPv6', { ip: 'fd00::7' }, ['prometheus :: 15090', 'health :: 15021']],
    [
      'explicit: the own address',
      { mode: 'explicit', ip: '127.0.1.7' },
      ['prometheus 127.0.1.7 15090', 'health 127.0.1.7 15021'],
    ],
    ['moved and off', { statusPort: 0, prometheusPort: 9090 }, ['prometheus 0.0.0.0 9090']],
    ['no known admin port, no pages of it', { adminPort: 0 }, []],
  ]
  for (const [name, options, wanted] of cases) test(name, () => assert.deepEqual(listeners(options), wanted))

  test('only the two pages of the admin are shown, and the admin listens on loopback', () => {
    const { static_resources, admin } = made({ adminPort: 15999 })
    const routes = static_resources.listeners.map(
      // biome-ignore lint/suspicious/noExplicitAny: as above
      (each: any) => each.filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0].routes,
    )
    assert.deepEqual(routes, [
      [{ match: { path: '/stats/prometheus' }, route: { cluster: 'prometheus_stats' } }],
      [
        {
          match: { path: '/healthz/ready' },
          route: { cluster: 'prometheus_stats', prefix_rewrite: '/ready' },
        },
      ],
    ])
    assert.deepEqual(admin.address.socket_address, { address: '127.0.0.1', port_value: 15999 })
  })
})

describe('options that make no sense name themselves and the remedy', () => {
  const cases: [Partial<BootstrapOptions>, RegExp][] = [
    [{ ip: '10.0.0.1,' }, /--ip "" is not an IP/],
    [{ ip: '10.0.0' }, /--ip "10.0.0"/],
    [{ id: 'sidecar~10.0.0.1' }, /--id/],
    [{ id: '' }, /--id/],
    [{ xds: 'pilot' }, /--xds "pilot" is not HOST:PORT/],
    [{ xds: 'pilot:99999' }, /99999 is not a port/],
    [{ xds: 'http://pilot:15010' }, /--xds/],
    [{ mode: 'explicit', outbound: 'localhost:15002' }, /--outbound "localhost:15002" is not IP:PORT/],
    [{ outbound: '127.0.0.1:15002' }, /transparent/],
    [{ locality: 'a/b/c/d' }, /--locality/],
    [{ adminPort: 70000 }, /--admin-port/],
    [{ adminPort: 0, statusPort: 15021 }, /--admin-port 0/],
  ]
  for (const [options, message] of cases)
    test(JSON.stringify(options), () =>
      assert.throws(
        () => made(options),
        (error) => error instanceof BootstrapError && message.test(error.message) && error.remedy !== '',
      ),
    )
})

describe('the label of a cluster', () => {
  const cases: [stat: string, name: string, rest: string][] = [
    [
      'cluster.outbound|80|v1|orders.default.svc.cluster.local;.upstream_rq_200',
      'outbound|80|v1|orders.default.svc.cluster.local',
      'cluster.upstream_rq_200',
    ],
    [
      'cluster.outbound|80||a.b;.external.upstream_rq_200',
      'outbound|80||a.b',
      'cluster.external.upstream_rq_200',
    ],
    ['cluster.inbound|80||;.ssl.handshake', 'inbound|80||', 'cluster.ssl.handshake'],
    ['cluster.xds-grpc.http2.trailers', 'xds-grpc', 'cluster.http2.trailers'],
  ]
  for (const [stat, name, rest] of cases)
    test(stat, () => {
      const [, cut = '', value] = new RegExp(clusterNameTag).exec(stat) ?? []
      assert.equal(value, name)
      assert.equal(stat.replace(cut, ''), rest)
    })
})
