/** Proxyless gRPC, read by @grpc/grpc-js-xds' own parser. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { register } from '@grpc/grpc-js-xds'
import { ClusterResourceType } from '@grpc/grpc-js-xds/build/src/xds-resource-type/cluster-resource-type.js'
import { EndpointResourceType } from '@grpc/grpc-js-xds/build/src/xds-resource-type/endpoint-resource-type.js'
import { ListenerResourceType } from '@grpc/grpc-js-xds/build/src/xds-resource-type/listener-resource-type.js'
import { RouteConfigurationResourceType } from '@grpc/grpc-js-xds/build/src/xds-resource-type/route-config-resource-type.js'
import { createGenerator } from '#xds/generate/index.ts'
import { AnySchema, decode } from '#xds/proto/index.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { endpoint, inbound, inboundPort, outbound, port, service, settings } from './fixtures.ts'
import { type Json, type Kind, names, read } from './read.ts'

// Knows the router filter only then.
register()
const parsers = {
  listener: ListenerResourceType.get(),
  route: RouteConfigurationResourceType.get(),
  cluster: ClusterResourceType.get(),
  endpoint: EndpointResourceType.get(),
}
const services = [
  service(
    'echo.default.svc.cluster.local',
    [port(7070, 'GRPC'), port(80, 'HTTP')],
    [endpoint('10.0.0.1'), endpoint('fd00::1', { health: 'DRAINING' }), endpoint('10.0.0.1')],
    { aliases: ['ECHO'] },
  ),
  service('far.example.com', [port(443, 'GRPC')], [endpoint('far.example.com'), endpoint('b.example.com')], {
    resolution: 'DNS',
  }),
  service('none.example.com', [port(443, 'GRPC')], [], { resolution: 'NONE' }),
  service('*.wild.example.com', [port(443, 'GRPC')], [], { resolution: 'NONE' }),
]
const { set } = createGenerator(settings).outbound(undefined, {
  view: outbound(services, { mode: 'grpc', locality: { region: 'eu', zone: '', subzone: '' } }),
  changes: 'all',
})

test('a listener for each name a client may ask for, and what it leads to', () => {
  assert.deepEqual(
    names(set, 'listener').filter((name) => /echo/i.test(name)),
    [
      'ECHO',
      'ECHO:7070',
      'ECHO:80',
      'echo.default.svc.cluster.local',
      'echo.default.svc.cluster.local:7070',
      'echo.default.svc.cluster.local:80',
    ],
  )
  const listener = read(set, 'listener', 'ECHO:7070')
  assert.equal(listener.apiListener.apiListener.rds.routeConfigName, 'echo.default.svc.cluster.local:7070')
  const [host]: Json[] = read(set, 'route', 'echo.default.svc.cluster.local:7070').virtualHosts
  assert.deepEqual(host.domains.slice(0, 4), [
    'echo.default.svc.cluster.local',
    'echo.default.svc.cluster.local:7070',
    'echo',
    'echo:7070',
  ])
  assert.equal(host.routes[0].route.cluster, 'outbound|7070||echo.default.svc.cluster.local')
  assert.equal(
    read(set, 'cluster', 'outbound|7070||echo.default.svc.cluster.local').lbPolicy,
    undefined,
    'round robin',
  )
})

test('no cluster of a wildcard, and none for Envoy alone', () => {
  assert.deepEqual(names(set, 'cluster'), [
    'outbound|443||far.example.com',
    'outbound|443||none.example.com',
    'outbound|7070||echo.default.svc.cluster.local',
    'outbound|80||echo.default.svc.cluster.local',
  ])
})

for (const kind of ['listener', 'route', 'cluster', 'endpoint'] as const satisfies readonly Kind[])
  test(`grpc-js-xds takes every ${kind}`, () => {
    // biome-ignore lint/suspicious/noExplicitAny: the parser's context is internal to it
    const context: any = { bootstrap: { certificateProviders: {} }, server: {} }
    for (const resource of set.all(typeUrls[kind])) {
      const { typeUrl, value } = decode(AnySchema, resource.bytes)
      const result = parsers[kind].decode(context, { type_url: typeUrl, value: Buffer.from(value) })
      assert.equal('error' in result ? result.error : undefined, undefined, resource.name)
      assert.equal(result.name, resource.name)
    }
  })

test('nothing inbound: the application is its own server', () => {
  const view = inbound([inboundPort(services[0]!, port(7070, 'GRPC'))], { mode: 'grpc' })
  const layer = createGenerator(settings).inbound(undefined, { view, changes: 'all' })
  assert.deepEqual(names(layer.set, 'listener'), [])
})
