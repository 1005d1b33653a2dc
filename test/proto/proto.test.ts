import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClusterSchema } from '#xds/proto/gen/envoy/config/cluster/v3/cluster_pb.js'
import { MetadataSchema } from '#xds/proto/gen/envoy/config/core/v3/base_pb.js'
import { TypedExtensionConfigSchema } from '#xds/proto/gen/envoy/config/core/v3/extension_pb.js'
import { ClusterLoadAssignmentSchema } from '#xds/proto/gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { ListenerSchema } from '#xds/proto/gen/envoy/config/listener/v3/listener_pb.js'
import { VirtualHostSchema } from '#xds/proto/gen/envoy/config/route/v3/route_components_pb.js'
import { RouteConfigurationSchema } from '#xds/proto/gen/envoy/config/route/v3/route_pb.js'
import { ScopedRouteConfigurationSchema } from '#xds/proto/gen/envoy/config/route/v3/scoped_route_pb.js'
import { RouterSchema } from '#xds/proto/gen/envoy/extensions/filters/http/router/v3/router_pb.js'
import { HttpConnectionManagerSchema } from '#xds/proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { SecretSchema } from '#xds/proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import { HttpProtocolOptionsSchema } from '#xds/proto/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js'
import { AggregatedDiscoveryService } from '#xds/proto/gen/envoy/service/discovery/v3/ads_pb.js'
import { DiscoveryResponseSchema } from '#xds/proto/gen/envoy/service/discovery/v3/discovery_pb.js'
import { RuntimeSchema } from '#xds/proto/gen/envoy/service/runtime/v3/rtds_pb.js'
import {
  type Any,
  AnySchema,
  anyBytes,
  create,
  DurationSchema,
  decode,
  duration,
  encode,
  equals,
  milliseconds,
  pack,
  StructSchema,
  struct,
  typeUrlOf,
  unpack,
} from '#xds/proto/index.ts'
import { decodeAny, fromJson, toJson } from '#xds/proto/json.ts'
import { typeUrls } from '#xds/type-urls.ts'

const cluster = create(ClusterSchema, {
  name: 'outbound|80||reviews',
  connectTimeout: duration(250),
  perConnectionBufferLimitBytes: 32768,
  typedExtensionProtocolOptions: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': pack(HttpProtocolOptionsSchema, {
      commonHttpProtocolOptions: { idleTimeout: duration(1500) },
    }),
  },
})

function hcmListener(filter: Any) {
  const hcm = pack(HttpConnectionManagerSchema, {
    statPrefix: 'in',
    httpFilters: [
      { name: 'custom', configType: { case: 'typedConfig', value: filter } },
      { name: 'router', configType: { case: 'typedConfig', value: pack(RouterSchema, {}) } },
    ],
  })
  return create(ListenerSchema, {
    name: 'in',
    filterChains: [{ filters: [{ name: 'hcm', configType: { case: 'typedConfig', value: hcm } }] }],
  })
}

test('a message survives the wire', () => {
  const back = decode(ClusterSchema, encode(ClusterSchema, cluster))
  assert.ok(equals(ClusterSchema, back, cluster))
})

test('a resource is an Any with its type URL', () => {
  const bytes = anyBytes(ClusterSchema, cluster)
  assert.equal(decode(AnySchema, bytes).typeUrl, typeUrls.cluster)
  assert.equal(unpack(ClusterSchema, bytes)?.name, cluster.name)
  assert.equal(unpack(ListenerSchema, bytes), undefined)
  const message = decodeAny(bytes)
  assert.equal(message?.$typeName, 'envoy.config.cluster.v3.Cluster')
  assert.ok(equals(ClusterSchema, message as typeof cluster, cluster))
})

test('an Any of an unknown type does not decode', () => {
  assert.equal(decodeAny(create(AnySchema, { typeUrl: 'type.googleapis.com/no.Such' })), undefined)
})

test('a resource may be spliced into a response by hand', () => {
  const bytes = anyBytes(ClusterSchema, cluster)
  const response = encode(DiscoveryResponseSchema, { resources: [decode(AnySchema, bytes)] })
  assert.ok(Buffer.from(response).includes(Buffer.from(bytes)))
})

test('type URLs name the schemas', () => {
  const schemas = {
    cluster: ClusterSchema,
    endpoint: ClusterLoadAssignmentSchema,
    listener: ListenerSchema,
    route: RouteConfigurationSchema,
    scopedRoute: ScopedRouteConfigurationSchema,
    virtualHost: VirtualHostSchema,
    secret: SecretSchema,
    extensionConfig: TypedExtensionConfigSchema,
    runtime: RuntimeSchema,
  }
  for (const [kind, schema] of Object.entries(schemas)) {
    assert.equal(typeUrls[kind as keyof typeof schemas], typeUrlOf(schema))
  }
})

test('services describe their methods', () => {
  assert.equal(AggregatedDiscoveryService.method.deltaAggregatedResources.methodKind, 'bidi_streaming')
})

test('map order does not reach the bytes, at any depth', () => {
  const metadata = (order: string[]) =>
    Object.fromEntries(order.map((key) => [key, { [`${key}z`]: 1, [`${key}a`]: 2 }]))
  const endpoints = (order: string[]) => ({
    clusterName: 'x',
    endpoints: [{ lbEndpoints: [{ metadata: { filterMetadata: metadata(order) } }] }],
  })
  const one = encode(ClusterLoadAssignmentSchema, endpoints(['b', 'a', '10', '9']))
  const other = encode(ClusterLoadAssignmentSchema, endpoints(['9', 'a', 'b', '10']))
  assert.deepEqual(one, other)
})

test('key order inside Structs does not reach the bytes', () => {
  const one = { filterMetadata: { m: { b: [{ y: 1, x: null }], a: { d: 'e', c: true } } } }
  const other = { filterMetadata: { m: { a: { c: true, d: 'e' }, b: [{ x: null, y: 1 }] } } }
  assert.deepEqual(encode(MetadataSchema, one), encode(MetadataSchema, other))
  assert.deepEqual(
    encode(StructSchema, struct(one.filterMetadata.m)),
    encode(StructSchema, struct(other.filterMetadata.m)),
  )
  assert.deepEqual(
    pack(StructSchema, { fields: { b: { kind: { case: 'boolValue', value: true } }, a: {} } }).value,
    pack(StructSchema, { fields: { a: {}, b: { kind: { case: 'boolValue', value: true } } } }).value,
  )
})

test('oneofs are sorted too', () => {
  const route = (keys: string[]) => ({
    virtualHosts: [
      {
        name: 'v',
        routes: [
          {
            action: {
              case: 'route' as const,
              value: {
                metadataMatch: { filterMetadata: { m: Object.fromEntries(keys.map((k) => [k, 1])) } },
              },
            },
          },
        ],
      },
    ],
  })
  assert.deepEqual(
    encode(RouteConfigurationSchema, route(['b', 'a'])),
    encode(RouteConfigurationSchema, route(['a', 'b'])),
  )
})

test('encoding leaves the message as it was', () => {
  const message = create(MetadataSchema, { filterMetadata: { b: { y: 1, x: 2 }, a: {} } })
  encode(MetadataSchema, message)
  assert.deepEqual(Object.keys(message.filterMetadata), ['b', 'a'])
  assert.deepEqual(Object.keys(message.filterMetadata.b!), ['y', 'x'])
})

test('deep Structs are sorted in time linear to their size', () => {
  const deep = (leaf: object) => {
    let json: object = leaf
    for (let depth = 0; depth < 60; depth++) json = { a: [json], b: 1 }
    return json as { a: number }
  }
  assert.deepEqual(
    encode(MetadataSchema, { filterMetadata: { m: deep({ y: 1, x: 2 }) } }),
    encode(MetadataSchema, { filterMetadata: { m: deep({ x: 2, y: 1 }) } }),
  )
})

test('an undefined key in a Struct is left out', () => {
  const holed = { m: { a: 1, b: undefined } } as unknown as { m: { a: number } }
  assert.deepEqual(
    encode(MetadataSchema, { filterMetadata: holed }),
    encode(MetadataSchema, { filterMetadata: { m: { a: 1 } } }),
  )
})

test('JSON is canonical', () => {
  assert.deepEqual(toJson(ClusterSchema, cluster), {
    name: 'outbound|80||reviews',
    connectTimeout: '0.250s',
    perConnectionBufferLimitBytes: 32768,
    typedExtensionProtocolOptions: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        commonHttpProtocolOptions: { idleTimeout: '1.500s' },
      },
    },
  })
  assert.ok(equals(ClusterSchema, fromJson(ClusterSchema, toJson(ClusterSchema, cluster)), cluster))
})

function filtersOf(listener: ReturnType<typeof hcmListener>) {
  const json = JSON.parse(JSON.stringify(toJson(ListenerSchema, listener)))
  return json.filterChains[0].filters[0].typedConfig.httpFilters
}

test('an Any of an unknown type shows its bytes, wherever it lies', () => {
  const unknown = create(AnySchema, {
    typeUrl: 'type.googleapis.com/acme.Filter',
    value: new Uint8Array([8, 1]),
  })
  const filters = filtersOf(hcmListener(unknown))
  assert.deepEqual(filters[0].typedConfig, { '@type': unknown.typeUrl, value: 'CAE=' })
  assert.deepEqual(filters[1].typedConfig, { '@type': typeUrlOf(RouterSchema) })
  assert.deepEqual(toJson(AnySchema, unknown), { '@type': unknown.typeUrl, value: 'CAE=' })
})

test('an Any whose bytes are broken shows them', () => {
  const broken = create(AnySchema, { typeUrl: typeUrls.cluster, value: new Uint8Array([10, 200, 1]) })
  assert.deepEqual(filtersOf(hcmListener(broken))[0].typedConfig, {
    '@type': typeUrls.cluster,
    value: 'CsgB',
  })
})

test('what is no Any fault still throws', () => {
  const message = create(DurationSchema, { seconds: 1n, nanos: -1 })
  assert.throws(() => toJson(DurationSchema, message))
})

test('durations', () => {
  const cases: [number, bigint, number][] = [
    [0, 0n, 0],
    [250, 0n, 250_000_000],
    [1500, 1n, 500_000_000],
    [0.5, 0n, 500_000],
    [-1500, -1n, -500_000_000],
    [999.9999999, 1n, 0],
    [86_400_000, 86_400n, 0],
  ]
  for (const [ms, seconds, nanos] of cases) {
    assert.deepEqual(duration(ms), create(DurationSchema, { seconds, nanos }))
  }
  assert.equal(milliseconds(duration(1500.25)), 1500.25)
  assert.throws(() => duration(Number.NaN), RangeError)
})
