import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MeshService } from '#model/mesh.ts'
import type { EgressListener, InboundView, OutboundView } from '#sidecar/view.ts'
import { createGenerator } from '#xds/generate/index.ts'
import { counting, endpoint, inbound, inboundPort, outbound, port, service, settings } from './fixtures.ts'
import { chainMatches, type Json, lastFilter, names, read } from './read.ts'

function generate(services: readonly MeshService[], view: Partial<OutboundView> = {}, with_ = settings) {
  const counters = counting()
  const { set } = createGenerator(with_, counters).outbound(undefined, {
    view: outbound(services, view),
    changes: 'all',
  })
  return {
    set,
    counters,
    names: names(set, 'listener'),
    listener: (name: string): Json => read(set, 'listener', name),
  }
}
const target = (chain: Json): string => lastFilter(chain).cluster ?? lastFilter(chain).rds.routeConfigName
const filters = (listener: Json): string[] =>
  (listener.listenerFilters ?? []).map((f: Json) => f.name.split('.').at(-1))
const plainMatch = { applicationProtocols: ['http/1.0', 'http/1.1', 'h2c'] }
const httpMatch = { transportProtocol: 'raw_buffer', applicationProtocols: ['http/1.0', 'http/1.1', 'h2c'] }

test('virtualOutbound: takes what is redirected, and lets through what nobody wants', () => {
  const { listener } = generate([])
  const json = listener('virtualOutbound')
  assert.deepEqual(json.address.socketAddress, { address: '0.0.0.0', portValue: 15001 })
  assert.equal(json.useOriginalDst, true)
  assert.deepEqual(
    json.filterChains.map((c: Json) => [c.name, target(c)]),
    [
      ['virtualOutbound-blackhole', 'BlackHoleCluster'],
      ['virtualOutbound-catchall-tcp', 'PassthroughCluster'],
    ],
  )
  const closed = generate([], { policy: 'REGISTRY_ONLY' }).listener('virtualOutbound')
  assert.equal(target(closed.filterChains[1]), 'BlackHoleCluster')
})

test('HTTP shares one listener for each port; other bytes pass through', () => {
  const { names: all, listener } = generate([
    service('a.example.com', [port(80, 'HTTP')], [], { addresses: ['240.0.0.1'] }),
    service('b.example.com', [port(80, 'GRPC')]),
  ])
  assert.deepEqual(all, ['0.0.0.0_80', 'virtualOutbound'])
  const json = listener('0.0.0.0_80')
  assert.equal(json.bindToPort, false)
  assert.deepEqual(filters(json), ['http_inspector'])
  assert.deepEqual(chainMatches(json), [httpMatch])
  assert.equal(target(json.filterChains[0]), '80')
  assert.equal(json.defaultFilterChain.name, 'PassthroughFilterChain')
  assert.equal(json.listenerFiltersTimeout, '0s', 'Envoy’s own 15 s would close a silent connection')
})

test('TCP with a virtual IP has its own listener, never sniffed: the server may speak first', () => {
  const { names: all, listener } = generate([
    service('db.example.com', [port(3306, 'MySQL')], [], { addresses: ['240.0.0.1', 'fd00::1'] }),
  ])
  assert.deepEqual(all, ['240.0.0.1_3306', 'fd00::1_3306', 'virtualOutbound'])
  assert.deepEqual(filters(listener('240.0.0.1_3306')), [])
  assert.equal(target(listener('240.0.0.1_3306').filterChains[0]), 'outbound|3306||db.example.com')
})

test('TCP without an address: the oldest service has the port', () => {
  const { listener, counters } = generate([
    service('young.example.com', [port(5432, 'TCP')], [], { createdAt: '2026-01-02T00:00:00Z' }),
    service('old.example.com', [port(5432, 'TCP')], [], { createdAt: '2026-01-01T00:00:00Z' }),
  ])
  const json = listener('0.0.0.0_5432')
  assert.deepEqual(json.filterChains.map(target), ['outbound|5432||old.example.com'])
  assert.equal(json.defaultFilterChain, undefined)
  assert.equal(counters.of('pilot_conflict_outbound_listener_tcp_over_current_tcp'), 1)
})

test('HTTP and TCP on one port: what looks like HTTP goes by Host, the rest to the TCP service', () => {
  const { listener, counters } = generate([
    service('web.example.com', [port(8080, 'HTTP')]),
    service('raw.example.com', [port(8080, 'TCP')]),
  ])
  const json = listener('0.0.0.0_8080')
  assert.deepEqual(chainMatches(json), [httpMatch])
  assert.deepEqual(json.filterChains.map(target), ['8080'])
  assert.equal(target(json.defaultFilterChain), 'outbound|8080||raw.example.com')
  assert.equal(counters.of('pilot_conflict_outbound_listener_http_over_current_tcp'), 1)
})

test('TLS goes by SNI, with a virtual IP by that', () => {
  const { names: all, listener } = generate([
    service('a.example.com', [port(443, 'TLS')], [], { aliases: ['a.alias'] }),
    service('*.b.example.com', [port(443, 'HTTPS')], [], { resolution: 'NONE' }),
    service('c.example.com', [port(443, 'TLS')], [], { addresses: ['240.0.0.1'] }),
  ])
  assert.deepEqual(all, ['0.0.0.0_443', '240.0.0.1_443', 'virtualOutbound'])
  const json = listener('0.0.0.0_443')
  assert.deepEqual(filters(json), ['tls_inspector'])
  assert.deepEqual(chainMatches(json), [
    { serverNames: ['*.b.example.com'] },
    { serverNames: ['a.example.com', 'a.alias'] },
  ])
  assert.equal(target(json.defaultFilterChain), 'PassthroughCluster')
})

test('AUTO with a virtual IP: HTTP or bytes; without: by Host, by SNI, or to the oldest', () => {
  const { listener, set } = generate([
    service('vip.example.com', [port(7000, 'AUTO')], [], { addresses: ['240.0.0.1'] }),
    service('a.example.com', [port(7000, 'AUTO')]),
    service('b.example.com', [port(7000, 'AUTO')]),
  ])
  assert.deepEqual(listener('240.0.0.1_7000').filterChains.map(target), [
    'vip.example.com:7000',
    'outbound|7000||vip.example.com',
  ])
  assert.deepEqual(chainMatches(listener('240.0.0.1_7000')), [plainMatch, {}])
  const shared = listener('0.0.0.0_7000')
  assert.deepEqual(chainMatches(shared), [
    { serverNames: ['a.example.com'] },
    { serverNames: ['b.example.com'] },
    httpMatch,
  ])
  assert.equal(target(shared.defaultFilterChain), 'outbound|7000||a.example.com')
  assert.deepEqual(names(set, 'route'), ['7000', 'vip.example.com:7000'])
})

test('detection time: for ever, or as the settings say and on as bytes', () => {
  const { listener } = generate(
    [service('a.example.com', [port(80, 'AUTO')])],
    {},
    { ...settings, protocolDetectionTimeout: 500 },
  )
  assert.equal(listener('0.0.0.0_80').listenerFiltersTimeout, '0.500s')
  assert.equal(listener('0.0.0.0_80').continueOnListenerFiltersTimeout, true)
})

test('CIDR blocks: by address', () => {
  const { listener } = generate([
    service('net.example.com', [port(9000, 'TCP')], [], {
      addresses: ['10.1.0.0/8', '10.0.0.0/8'],
      resolution: 'NONE',
    }),
    service('any.example.com', [port(9000, 'TCP')]),
  ])
  assert.deepEqual(chainMatches(listener('0.0.0.0_9000')), [
    { prefixRanges: [{ addressPrefix: '10.0.0.0', prefixLen: 8 }] },
  ])
  assert.equal(target(listener('0.0.0.0_9000').defaultFilterChain), 'outbound|9000||any.example.com')
})

test('headless TCP: a listener for each endpoint, which come and go with them', () => {
  const generator = createGenerator(settings)
  const one = service('db.example.com', [port(5432, 'TCP')], [endpoint('10.0.0.1')], { headless: true })
  const first = generator.outbound(undefined, { view: outbound([one]), changes: 'all' })
  assert.deepEqual(names(first.set, 'listener'), ['10.0.0.1_5432', 'virtualOutbound'])
  const two = { ...one, endpoints: [endpoint('10.0.0.2')] }
  const next = generator.outbound(first, {
    view: outbound([two]),
    changes: new Map([['db.example.com', 'endpoints']] as const),
  })
  assert.deepEqual(names(next.set, 'listener'), ['10.0.0.2_5432', 'virtualOutbound'])
})

test('names asked of DNS as they come: by Host and by SNI, never for bytes', () => {
  const { listener, names: all } = generate([
    service('*.example.com', [port(80, 'HTTP'), port(443, 'TLS'), port(9000, 'TCP')], [], {
      resolution: 'DYNAMIC_DNS',
    }),
  ])
  assert.deepEqual(all, ['0.0.0.0_443', '0.0.0.0_80', 'virtualOutbound'])
  assert.deepEqual(
    lastFilter(listener('0.0.0.0_80').filterChains[0]).httpFilters.map((f: Json) => f.name),
    ['envoy.filters.http.dynamic_forward_proxy', 'envoy.filters.http.router'],
  )
  assert.equal(
    listener('0.0.0.0_443').filterChains[0].filters[0].name,
    'envoy.filters.network.sni_dynamic_forward_proxy',
  )
})

test('IPv6 and dual stack', () => {
  const web = [service('a.example.com', [port(80, 'HTTP')])]
  assert.deepEqual(generate(web, { ipFamily: 'v6' }).names, ['::_80', 'virtualOutbound'])
  const dual = generate(web, { ipFamily: 'dual' }).listener('0.0.0.0_80')
  assert.equal(dual.additionalAddresses[0].address.socketAddress.address, '::')
})

const web = service('web.example.com', [port(80, 'HTTP')])
const db = service('db.example.com', [port(5432, 'TCP')])
const egress = (more: Partial<EgressListener>, ...services: MeshService[]): EgressListener => ({
  port: 80,
  protocol: 'HTTP',
  name: 'egress',
  bindToPort: false,
  services: new Map(services.map((s) => [s.attributes.key, s])),
  ...more,
})

test('egress listeners: a captured port is theirs alone, a bound one has its own socket and routes', () => {
  const other = service('other.example.com', [port(80, 'HTTP')])
  const {
    names: all,
    listener,
    set,
  } = generate([other], {
    listeners: [
      egress({}, web),
      egress({ port: 9080, bind: '127.0.0.2', bindToPort: true }, web),
      egress({ port: 5432, protocol: 'TCP', bindToPort: true }, db),
    ],
  })
  assert.deepEqual(all, ['0.0.0.0_80', '127.0.0.1_5432', '127.0.0.2_9080', 'virtualOutbound'])
  assert.deepEqual(
    read(set, 'route', '80').virtualHosts.map((v: Json) => v.name),
    ['web.example.com:80', 'allow_any'],
  )
  assert.deepEqual(read(set, 'route', '127.0.0.2_9080').virtualHosts[0].name, 'web.example.com:80')
  assert.equal(listener('127.0.0.1_5432').bindToPort, undefined)
  assert.equal(target(listener('127.0.0.1_5432').filterChains[0]), 'outbound|5432||db.example.com')
})

test('egress listeners: Unix sockets, and a proxy of their own', () => {
  const { names: all, set } = generate([], {
    mode: 'explicit',
    listeners: [
      egress({ port: 0, bind: 'unix:///run/out.sock', bindToPort: true }, web),
      egress({ port: 3128, protocol: 'HTTP_PROXY', bindToPort: true }, web, db),
    ],
  })
  assert.deepEqual(all, ['127.0.0.1_3128', 'http_proxy', 'unix:///run/out.sock'])
  assert.deepEqual(names(set, 'route'), ['3128', 'http_proxy', 'unix:///run/out.sock'])
  assert.deepEqual(
    read(set, 'route', '3128').virtualHosts.map((v: Json) => v.name),
    ['db.example.com:5432', 'web.example.com:80', 'allow_any'],
  )
})

test('explicit: one socket, for Host, absolute URI and CONNECT', () => {
  const { names: all, listener } = generate([web, db], {
    mode: 'explicit',
    proxy: { address: '127.0.0.9', port: 15002 },
  })
  assert.deepEqual(all, ['http_proxy'])
  const json = listener('http_proxy')
  assert.deepEqual(json.address.socketAddress, { address: '127.0.0.9', portValue: 15002 })
  const manager = lastFilter(json.filterChains[0])
  assert.equal(manager.rds.routeConfigName, 'http_proxy')
  assert.deepEqual(manager.upgradeConfigs, [{ upgradeType: 'websocket' }, { upgradeType: 'CONNECT' }])
})

function received(ports: Parameters<typeof inbound>[0], more: Parameters<typeof inbound>[1] = {}) {
  const counters = counting()
  const { set } = createGenerator(settings, counters).inbound(undefined, {
    view: inbound(ports, more),
    changes: 'all',
  })
  return {
    names: names(set, 'listener'),
    listener: (name: string): Json => read(set, 'listener', name),
    counters,
  }
}

test('virtualInbound: chains by port; only sniffed ports are looked into', () => {
  const { listener } = received([
    inboundPort(web, port(80, 'HTTP')),
    inboundPort(db, port(5432, 'TCP')),
    inboundPort(web, port(7000, 'AUTO')),
  ])
  const json = listener('virtualInbound')
  assert.deepEqual(
    json.filterChains.map((c: Json) => [
      c.filterChainMatch?.destinationPort,
      lastFilter(c).cluster ?? lastFilter(c).routeConfig.name,
    ]),
    [
      [15006, 'BlackHoleCluster'],
      [80, 'inbound|80||'],
      [5432, 'inbound|5432||'],
      [7000, 'inbound|7000||'],
      [7000, 'inbound|7000||'],
      [undefined, 'InboundPassthroughCluster'],
    ],
  )
  assert.deepEqual(filters(json), ['original_dst', 'http_inspector'])
  assert.deepEqual(json.listenerFilters[1].filterDisabled, {
    notMatch: { destinationPortRange: { start: 7000, end: 7001 } },
  })
  const [host] = lastFilter(json.filterChains[1]).routeConfig.virtualHosts
  assert.deepEqual([host.name, host.domains], ['inbound|http|80', ['*']])
})

test('inbound with sockets of their own', () => {
  const bound = { bind: '10.0.0.1', bindToPort: true, target: { address: '127.0.0.1', port: 80 } }
  const explicit = received([inboundPort(web, port(80, 'HTTP'), bound)], { mode: 'explicit' })
  assert.deepEqual(explicit.names, ['10.0.0.1_80'])
  assert.deepEqual(received([inboundPort(web, port(80, 'HTTP'), bound)]).names, [
    '10.0.0.1_80',
    'virtualInbound',
  ])
})

test('two services on one inbound port are counted once, when it comes up', () => {
  const counters = counting()
  const generator = createGenerator(settings, counters)
  const ports = [inboundPort(web, port(80, 'HTTP'))]
  const conflict = (service: string, reason: 'taken' | 'namespace' = 'taken') => ({
    port: 80,
    service,
    reason,
  })
  const one = inbound(ports, { conflicts: [conflict('b'), conflict('c', 'namespace')] })
  const first = generator.inbound(undefined, { view: one, changes: 'all' })
  assert.equal(counters.of('pilot_conflict_inbound_listener'), 1)
  const two = inbound(ports, { conflicts: [conflict('b'), conflict('d')] })
  const second = generator.inbound(first, { view: two, changes: 'all' })
  assert.equal(counters.of('pilot_conflict_inbound_listener'), 2)
  assert.equal(second.set, first.set)
})

test('workloads with equal ports share what is made of them', () => {
  const counters = counting()
  const generator = createGenerator(settings, counters)
  const ports = [inboundPort(web, port(80, 'HTTP'))]
  const make = (more: Partial<InboundView>) =>
    generator.inbound(undefined, { view: inbound(ports, more), changes: 'all' }).set
  make({ ips: ['10.0.0.1'] })
  const encodes = counters.of('encodes')
  make({ ips: ['10.0.0.2'] })
  assert.equal(counters.of('encodes'), encodes)
  make({ ips: ['fd00::2'] })
  assert.equal(counters.of('encodes'), 2 * encodes, 'another family')
})
