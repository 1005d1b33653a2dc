/** A small mesh and two proxies, as the admin server sees them. */
import type { AdminDeps, StreamStatus, TypeStatus } from '#admin/deps.ts'
import type { ConfigObject } from '#model/config.ts'
import type { PortLoad } from '#model/load.ts'
import type { MeshEndpoint, MeshService, MeshSnapshot, SourceState } from '#model/mesh.ts'
import { createEvents, type Events } from '#src/events.ts'
import { silentLogger } from '#support/logger.ts'
import { ClusterSchema } from '#xds/proto/gen/envoy/config/cluster/v3/cluster_pb.js'
import { ClusterLoadAssignmentSchema } from '#xds/proto/gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { ListenerSchema } from '#xds/proto/gen/envoy/config/listener/v3/listener_pb.js'
import { RouteConfigurationSchema } from '#xds/proto/gen/envoy/config/route/v3/route_pb.js'
import { TcpProxySchema } from '#xds/proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js'
import { SecretSchema } from '#xds/proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import { anyBytes, pack } from '#xds/proto/index.ts'
import type { Resource } from '#xds/resources.ts'
import { typeUrls } from '#xds/type-urls.ts'

const at = new Date('2026-11-22T10:00:00Z')

export const endpoint = (
  address: string,
  registry = 'file/a',
  of: Partial<MeshEndpoint> = {},
): MeshEndpoint => ({
  address,
  ports: { http: 9080 },
  health: 'HEALTHY',
  weight: 1,
  labels: { version: 'v1' },
  network: '',
  serviceAccount: '',
  workload: 'orders-1',
  registry,
  origin: { source: registry, object: 'ServiceEntry/default/orders', at: 'orders.yaml:3' },
  priority: 0,
  ...of,
})

export function service(hostname: string, endpoints: readonly MeshEndpoint[]): MeshService {
  return {
    attributes: {
      key: hostname,
      hostname,
      namespace: 'default',
      ports: [
        { name: 'http', port: 80, protocol: 'HTTP' },
        { name: 'tcp', port: 9000, protocol: 'TCP', targetPort: 9001 },
      ],
      addresses: ['240.0.0.1'],
      resolution: 'STATIC',
      location: 'MESH_INTERNAL',
      exportTo: ['*'],
      subjectAltNames: [],
      labels: {},
      headless: false,
      aliases: ['ORDERS'],
      origins: [{ source: 'file/a', object: 'ServiceEntry/default/orders' }],
    },
    endpoints,
    registries: ['file/a', 'consul/dc1'],
    issues: [],
  }
}

const config: ConfigObject = {
  kind: 'Sidecar',
  apiVersion: 'networking.istio.io/v1',
  namespace: 'default',
  name: 'narrow',
  labels: {},
  annotations: {},
  spec: { egress: [{ hosts: ['./*'] }] },
  version: 'abc',
  origin: { source: 'files/config', object: 'Sidecar/default/narrow', at: 'config/sidecar.yaml:7' },
  issues: [
    {
      severity: 'warning',
      code: 'PH1',
      message: 'odd <host>',
      remedy: 'Mend it.',
      at: 'config/sidecar.yaml:9',
    },
  ],
}

const sources: readonly SourceState[] = [
  { name: 'file/a', kind: 'file', role: 'registry', state: 'fresh', lastUpdate: at, issues: [] },
  {
    name: 'consul/dc1',
    kind: 'consul',
    role: 'registry',
    state: 'stale',
    lastUpdate: at,
    since: at,
    error: { code: 'ECONNREFUSED', message: 'Consul does not answer.', remedy: 'Start it.' },
    issues: [],
  },
  {
    name: 'files/config',
    kind: 'files',
    role: 'config',
    state: 'fresh',
    lastUpdate: at,
    issues: config.issues,
  },
]

export function snapshot(services: readonly MeshService[] = defaultServices()): MeshSnapshot {
  return {
    revision: 7,
    services: new Map(services.map((s) => [s.attributes.key, s])),
    configs: new Map([['Sidecar/default/narrow', config]]),
    sources: new Map(sources.map((s) => [s.name, s])),
    freshness: (_key, registry) =>
      registry === 'consul/dc1'
        ? { state: 'stale', since: at, reason: 'Consul does not answer.' }
        : { state: 'fresh' },
  }
}

const defaultServices = () => [
  service('orders.default', [
    endpoint('10.0.0.1'),
    endpoint('10.0.0.2', 'consul/dc1', {
      health: 'DRAINING',
      locality: { region: 'eu', zone: 'eu-1', subzone: '' },
      ports: {},
    }),
  ]),
  { ...service('empty.default', []), registries: [] },
]

const resource = (typeUrl: string, name: string, bytes: Uint8Array): Resource => ({
  typeUrl,
  name,
  version: `v-${name}`,
  bytes,
  children: [],
})

const socket = (address: string, port: number) => ({
  address: {
    case: 'socketAddress' as const,
    value: { address, portSpecifier: { case: 'portValue' as const, value: port } },
  },
})

export const resources: readonly Resource[] = [
  resource(
    typeUrls.cluster,
    'outbound|80||orders.default',
    anyBytes(ClusterSchema, {
      name: 'outbound|80||orders.default',
      clusterDiscoveryType: { case: 'type', value: 3 },
      connectTimeout: { seconds: 1n, nanos: 500_000_000 },
    }),
  ),
  resource(typeUrls.cluster, 'inbound|8080||', anyBytes(ClusterSchema, { name: 'inbound|8080||' })),
  resource(
    typeUrls.listener,
    '0.0.0.0_80',
    anyBytes(ListenerSchema, {
      name: '0.0.0.0_80',
      address: socket('0.0.0.0', 80),
      filterChains: [
        {
          filters: [
            {
              name: 'envoy.filters.network.tcp_proxy',
              configType: {
                case: 'typedConfig',
                value: pack(TcpProxySchema, {
                  statPrefix: 'orders',
                  clusterSpecifier: { case: 'cluster', value: 'outbound|80||orders.default' },
                }),
              },
            },
          ],
        },
      ],
    }),
  ),
  resource(
    typeUrls.route,
    '80',
    anyBytes(RouteConfigurationSchema, {
      name: '80',
      virtualHosts: [
        {
          name: 'orders.default:80',
          domains: ['orders.default', 'orders.default:80'],
          routes: [
            {
              match: { pathSpecifier: { case: 'prefix', value: '/' } },
              action: {
                case: 'route',
                value: { clusterSpecifier: { case: 'cluster', value: 'outbound|80||orders.default' } },
              },
            },
          ],
        },
      ],
    }),
  ),
  resource(
    typeUrls.endpoint,
    'outbound|80||orders.default',
    anyBytes(ClusterLoadAssignmentSchema, {
      clusterName: 'outbound|80||orders.default',
      endpoints: [
        {
          lbEndpoints: [
            {
              hostIdentifier: { case: 'endpoint', value: { address: socket('10.0.0.1', 9080) } },
              healthStatus: 3,
            },
          ],
        },
      ],
    }),
  ),
  resource(
    typeUrls.secret,
    'default',
    anyBytes(SecretSchema, {
      name: 'default',
      type: {
        case: 'tlsCertificate',
        value: {
          certificateChain: { specifier: { case: 'inlineString', value: 'PUBLIC' } },
          privateKey: { specifier: { case: 'inlineString', value: 'TOP-SECRET' } },
        },
      },
    }),
  ),
]

export const type = (typeUrl: string, of: Partial<TypeStatus> = {}): TypeStatus => ({
  typeUrl,
  wildcard: true,
  names: [],
  resources: 2,
  sentVersion: 'v1',
  sentNonce: 'n1',
  sentAt: at,
  ackedVersion: 'v1',
  ackedAt: at,
  status: 'SYNCED',
  ...of,
})

export const stream = (id: string, nodeId: string, of: Partial<StreamStatus> = {}): StreamStatus => ({
  id,
  node: {
    id: nodeId,
    cluster: 'orders',
    metadata: { NAMESPACE: 'default', CLUSTER_ID: 'home', ISTIO_VERSION: '1.29.0' },
    userAgentName: 'envoy',
    userAgentVersion: '1.40.0',
  },
  peer: '127.0.0.1:4711',
  since: at,
  protocol: 'delta',
  bytesSent: 1234,
  messagesSent: 5,
  types: [
    type(typeUrls.cluster),
    type(typeUrls.endpoint, { wildcard: false, names: ['outbound|80||orders.default'] }),
  ],
  ...of,
})

export const ordersId = 'sidecar~10.0.0.1~orders-1.default~default.svc.cluster.local'

const streams: readonly StreamStatus[] = [
  stream('s1', ordersId, {
    types: [
      type(typeUrls.cluster),
      type(typeUrls.listener, {
        status: 'NACKED',
        nack: {
          message: 'bad listener',
          resources: ['0.0.0.0_80'],
          since: at,
          lastGoodVersion: 'v0',
        },
      }),
      type(typeUrls.route, { wildcard: false }),
      type(typeUrls.endpoint, { wildcard: false, names: ['outbound|80||orders.default'] }),
      type(typeUrls.secret, { wildcard: false }),
    ],
  }),
  stream('s2', 'plain-1', { since: new Date(at.getTime() + 1000) }),
]

const flow = (requests: number) => ({ requests, errors: 0.12345, inProgress: 2 })
export const loads: readonly PortLoad[] = ['orders.default', 'empty.default'].map((service) => ({
  service,
  port: 80,
  from: new Map([
    [
      'eu/eu-1',
      {
        dropped: 1,
        to: new Map([
          ['eu/eu-1', flow(10)],
          ['', flow(5)],
        ]),
      },
    ],
  ]),
}))

export interface Fakes extends AdminDeps {
  readonly events: Events
}

/** The whole fake Pilot; fields given replace the default ones. */
export function fakes(of: Partial<AdminDeps> = {}): Fakes {
  const mesh = snapshot()
  return {
    version: { version: '0.1.0', node: 'v24.0.0' },
    settings: {
      trustDomain: 'cluster.local',
      rootNamespace: 'istio-system',
      outboundTrafficPolicy: 'ALLOW_ANY',
      connectTimeout: 10_000,
      localityLbEnabled: true,
      protocolDetectionTimeout: 0,
    },
    mesh: { snapshot: () => mesh, readiness: () => ({ ready: true }), issues: () => config.issues },
    proxies: { streams: () => streams, held: (id) => (id === 's1' ? resources : []) },
    views: {
      describe: ({ id }) =>
        id === ordersId
          ? { sidecarConfig: 'Sidecar/default/narrow', services: 2, inbound: [{ port: 8080 }], conflicts: [] }
          : undefined,
    },
    metrics: {
      text: async () => 'pilot_services 2\n',
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
    },
    load: { current: () => loads },
    log: silentLogger,
    ...of,
    events: createEvents(() => at),
  }
}
