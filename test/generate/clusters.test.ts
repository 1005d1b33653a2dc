import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServiceAttributes } from '#model/mesh.ts'
import type { Protocol } from '#model/service.ts'
import type { OutboundView } from '#sidecar/view.ts'
import { createGenerator } from '#xds/generate/index.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { counting, endpoint, inbound, inboundPort, outbound, port, service, settings } from './fixtures.ts'
import { type Json, names, read } from './read.ts'

function cluster(
  more: Partial<ServiceAttributes>,
  view: Partial<OutboundView> = {},
  protocol: Protocol = 'HTTP',
  addresses = ['10.0.0.1'],
): Json {
  const one = service(
    'a.example.com',
    [port(80, protocol)],
    addresses.map((a) => endpoint(a)),
    more,
  )
  const { set } = createGenerator(settings).outbound(undefined, {
    view: outbound([one], view),
    changes: 'all',
  })
  return read(set, 'cluster', `outbound|80||${one.attributes.hostname}`)
}
const kind = (json: Json) => json.clusterType?.name ?? json.type ?? 'STATIC'

test('resolution decides how addresses are found', () => {
  assert.equal(kind(cluster({})), 'EDS')
  assert.equal(kind(cluster({ resolution: 'DNS' })), 'envoy.cluster.strict_dns')
  assert.equal(kind(cluster({ resolution: 'DNS_ROUND_ROBIN' })), 'envoy.cluster.logical_dns')
  assert.equal(
    kind(cluster({ resolution: 'DNS_ROUND_ROBIN' }, {}, 'HTTP', ['a.example.com', 'b.example.com'])),
    'envoy.cluster.strict_dns',
    'Envoy takes but one name',
  )
  assert.equal(kind(cluster({ resolution: 'NONE' })), 'ORIGINAL_DST')
  assert.equal(kind(cluster({ resolution: 'DYNAMIC_DNS' })), 'envoy.clusters.dynamic_forward_proxy')
  assert.equal(kind(cluster({ headless: true })), 'ORIGINAL_DST')
})

test('where nothing is redirected there is no original destination', () => {
  const explicit = { mode: 'explicit' } as const
  assert.equal(kind(cluster({ resolution: 'NONE' }, explicit)), 'envoy.clusters.dynamic_forward_proxy')
  assert.equal(kind(cluster({ headless: true }, explicit)), 'EDS')
})

test('EDS: over ADS, under the name of the cluster, never in panic', () => {
  const json = cluster({})
  assert.deepEqual(json.edsClusterConfig, {
    edsConfig: { ads: {}, initialFetchTimeout: '0s', resourceApiVersion: 'V3' },
    serviceName: 'outbound|80||a.example.com',
  })
  assert.equal(json.lbPolicy, 'LEAST_REQUEST')
  assert.deepEqual(json.commonLbConfig, { healthyPanicThreshold: {} })
  assert.equal(json.connectTimeout, '10s')
  assert.equal(json.circuitBreakers.thresholds[0].maxConnections, 4294967295)
})

test('protocol: HTTP/2 where the service says so, as the client speaks where nobody says', () => {
  const options = (protocol: Protocol) =>
    cluster({}, {}, protocol).typedExtensionProtocolOptions?.[
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
    ]
  assert.equal(options('HTTP'), undefined)
  assert.equal(options('TCP'), undefined)
  for (const protocol of ['HTTP2', 'GRPC', 'GRPC-Web'] as const)
    assert.deepEqual(options(protocol).explicitHttpConfig, { http2ProtocolOptions: {} })
  assert.ok(options('AUTO').useDownstreamProtocolConfig)
})

test('DNS: by the family of the proxy, TTL respected', () => {
  const dns = (ipFamily: OutboundView['ipFamily']) =>
    cluster({ resolution: 'DNS' }, { ipFamily }).clusterType.typedConfig
  assert.equal(dns(undefined).dnsLookupFamily, 'V4_PREFERRED')
  assert.equal(dns('v6').dnsLookupFamily, 'V6_ONLY')
  assert.equal(dns('dual').dnsLookupFamily, 'ALL')
  assert.equal(dns('v4').respectDnsTtl, true)
})

test('a DNS cluster without a name to ask for is left out and counted', () => {
  const counters = counting()
  const one = service('a.example.com', [port(80, 'HTTP')], [], { resolution: 'DNS' })
  const { set } = createGenerator(settings, counters).outbound(undefined, {
    view: outbound([one]),
    changes: 'all',
  })
  assert.deepEqual(names(set, 'cluster'), ['BlackHoleCluster', 'PassthroughCluster'])
  assert.equal(counters.of('pilot_dns_cluster_without_endpoints'), 1)
})

test('metadata: who made it, without the line, which moves with every edit', () => {
  assert.deepEqual(cluster({}).metadata.filterMetadata, {
    istio: { services: [{ host: 'a.example.com', name: 'a', namespace: 'default' }] },
    pilothouse: {
      generator: 'clusters',
      origins: [
        { source: 'file/services', object: 'ServiceEntry/default/a.example.com', at: 'services/all.yaml' },
      ],
      registries: ['file/services'],
    },
  })
})

test('UDP is not proxied', () => {
  const one = service('a.example.com', [port(53, 'UDP')], [endpoint('10.0.0.1')])
  const { set } = createGenerator(settings).outbound(undefined, { view: outbound([one]), changes: 'all' })
  assert.deepEqual(names(set, 'cluster'), ['BlackHoleCluster', 'PassthroughCluster'])
})

test('the way out of the mesh: where it was going, or by name', () => {
  const way = (view: Partial<OutboundView>) => {
    const { set } = createGenerator(settings).outbound(undefined, {
      view: outbound([], view),
      changes: 'all',
    })
    return kind(read(set, 'cluster', 'PassthroughCluster'))
  }
  assert.equal(way({}), 'ORIGINAL_DST')
  assert.equal(way({ mode: 'explicit' }), 'envoy.clusters.dynamic_forward_proxy')
})

const app = service('app.example.com', [port(80, 'HTTP')])
const inboundCluster = (
  more: Parameters<typeof inboundPort>[2],
  view: Parameters<typeof inbound>[1] = {},
): Json => {
  const { set } = createGenerator(settings).inbound(undefined, {
    view: inbound([inboundPort(app, port(8080, 'HTTP'), more)], view),
    changes: 'all',
  })
  return read(set, 'cluster', 'inbound|8080||')
}

test('inbound: on to where it was going, from an address the redirection knows', () => {
  const json = inboundCluster({})
  assert.equal(kind(json), 'ORIGINAL_DST')
  assert.equal(json.upstreamBindConfig.sourceAddress.address, '127.0.0.6')
  assert.equal(inboundCluster({}, { ips: ['fd00::1'] }).upstreamBindConfig.sourceAddress.address, '::6')
  const dual = inboundCluster({}, { ips: ['10.0.0.1', 'fd00::1'] })
  assert.equal(dual.upstreamBindConfig.extraSourceAddresses[0].address.address, '::6')
})

test('inbound: a target is a static address', () => {
  const json = inboundCluster({ target: { address: 'unix:///run/app.sock', port: 0 } })
  assert.equal(kind(json), 'STATIC')
  assert.deepEqual(json.loadAssignment.endpoints[0].lbEndpoints[0].endpoint.address, {
    pipe: { path: '/run/app.sock' },
  })
  const explicit = inboundCluster({ bind: '10.0.0.1', bindToPort: true }, { mode: 'explicit' })
  assert.deepEqual(explicit.loadAssignment.endpoints[0].lbEndpoints[0].endpoint.address, {
    socketAddress: { address: '127.0.0.1', portValue: 8080 },
  })
})

test('inbound: limits of the connection pool', () => {
  const json = inboundCluster({
    connectionPool: {
      tcp: { maxConnections: 10, connectTimeout: '1s' },
      http: { http2MaxRequests: 5, idleTimeout: '30s', maxRequestsPerConnection: 3 },
    },
  })
  assert.equal(json.connectTimeout, '1s')
  assert.equal(json.circuitBreakers.thresholds[0].maxConnections, 10)
  assert.equal(json.circuitBreakers.thresholds[0].maxRequests, 5)
  const options = json.typedExtensionProtocolOptions['envoy.extensions.upstreams.http.v3.HttpProtocolOptions']
  assert.deepEqual(options.commonHttpProtocolOptions, { idleTimeout: '30s', maxRequestsPerConnection: 3 })
})

test('EDS and RDS without an aggregated stream: as the proxy asked for the rest', () => {
  const sources = (configSource: OutboundView['configSource']) => {
    const generator = createGenerator(settings)
    const one = service('a.example.com', [port(80, 'AUTO')], [endpoint('10.0.0.1')], {
      addresses: ['10.9.9.9'],
    })
    const { set } = generator.outbound(undefined, {
      view: outbound(
        [one, service('b.example.com', [port(80, 'HTTP')])],
        configSource ? { configSource } : {},
      ),
      changes: 'all',
    })
    const text = JSON.stringify(names(set, 'listener').map((name) => read(set, 'listener', name)))
    return [
      read(set, 'cluster', 'outbound|80||a.example.com').edsClusterConfig.edsConfig,
      ...[...text.matchAll(/"configSource":(\{.*?"resourceApiVersion":"V3"\})/g)].map(([, json]) =>
        JSON.parse(json!),
      ),
    ]
  }
  const grpc = {
    apiConfigSource: {
      apiType: 'DELTA_GRPC',
      transportApiVersion: 'V3',
      grpcServices: [{ envoyGrpc: { clusterName: 'xds-grpc' } }],
      setNodeOnFirstMessageOnly: true,
    },
    initialFetchTimeout: '0s',
    resourceApiVersion: 'V3',
  }
  const rest = {
    apiConfigSource: {
      apiType: 'REST',
      transportApiVersion: 'V3',
      clusterNames: ['pilot'],
      refreshDelay: '0.500s',
      requestTimeout: '5s',
    },
    initialFetchTimeout: '0s',
    resourceApiVersion: 'V3',
  }
  assert.deepEqual(sources({ api: 'DELTA_GRPC', cluster: 'xds-grpc' }), [grpc, grpc, grpc])
  assert.deepEqual(sources({ api: 'REST', cluster: 'pilot', refreshDelay: 500 }), [rest, rest, rest])
  assert.deepEqual(
    sources(undefined).map((source) => source.ads),
    [{}, {}, {}],
  )
})

test('views that ask in different ways share no cluster of EDS; the endpoints are the same', () => {
  const counters = counting()
  const generator = createGenerator(settings, counters)
  const one = service('a.example.com', [port(80, 'TCP')], [endpoint('10.0.0.1')])
  const sets = [
    undefined,
    { api: 'GRPC', cluster: 'x' } as const,
    { api: 'GRPC', cluster: 'x' } as const,
  ].map(
    (configSource) =>
      generator.outbound(undefined, {
        view: outbound([one], configSource ? { configSource } : {}),
        changes: 'all',
      }).set,
  )
  const clusters = sets.map((set) => set.get(typeUrls.cluster, 'outbound|80||a.example.com'))
  assert.notEqual(clusters[0], clusters[1])
  assert.equal(clusters[1], clusters[2])
  assert.equal(counters.of('encodes eds'), 1)
})
