/** Arbitrary meshes: odd but valid configuration, drawn from few values so that what can collide does. */
import fc from 'fast-check'
import { stringify } from 'yaml'
import type { Json } from './read.ts'

const hosts = [
  'a.example',
  'A.example',
  'a.example.',
  '*.example',
  '*.a.example',
  '*-a.example',
  'b.shop.svc.cluster.local',
  'b.shop',
  'b',
  `${'l'.repeat(60)}.${'m'.repeat(60)}.${'n'.repeat(60)}.${'o'.repeat(60)}`,
]
const addresses = [
  '10.0.0.1',
  '10.0.0.9',
  '0.0.0.0',
  '127.0.0.1',
  '240.240.0.1',
  '240.240.0.1/32',
  '10.1.0.0/8',
  '10.0.0.0/8',
  '0.0.0.0/0',
  '::',
  'fd00::1',
  'FD00::1',
  'fd00:0::1',
  '::ffff:10.0.0.1',
  'fd00::/8',
  'fd01::/8',
]
const ports = [80, 443, 8080, 15000, 15001, 15002, 15006, 15021, 15090, 65535]
const protocols = ['HTTP', 'HTTP2', 'GRPC', 'GRPC-Web', 'HTTPS', 'TLS', 'TCP', 'Mongo', 'UDP', '']
const longSocket = `unix:///run/${'x'.repeat(120)}`
const weights = [0, 1, 7, 2147483648, 4294967295]
const oneOf = <T>(...values: readonly T[]) => fc.constantFrom(...values)

const port = fc.record(
  {
    number: oneOf(...ports),
    protocol: oneOf(...protocols),
    targetPort: oneOf(80, 8080, 15001, 15006),
  },
  { requiredKeys: ['number', 'protocol'] },
)
const namedPorts = fc
  .uniqueArray(port, { minLength: 1, maxLength: 3, selector: ({ number }) => number })
  .map((all) => all.map((each, i) => ({ ...each, name: `p${i}` })))

const endpoint = fc.record(
  {
    address: oneOf(
      '10.0.0.1',
      '10.0.0.2',
      'fd00::1',
      'FD00:0::1',
      'unix:///run/a.sock',
      longSocket,
      'c.example',
      '127.0.0.1',
      '0.0.0.0',
    ),
    weight: oneOf(...weights),
    ports: oneOf({ p0: 15006 }, { p0: 9000 }),
    locality: oneOf('r1', 'r1/z1', 'r2/z1/s1'),
    labels: oneOf({}, { 'pilothouse.io/health': 'unhealthy' }, { 'pilothouse.io/health': 'draining' }),
  },
  { requiredKeys: ['address'] },
)

const some = <T>(each: fc.Arbitrary<T>, maxLength: number, minLength = 0) =>
  fc.array(each, { minLength, maxLength })

/** What the rules of the API allow together. */
const serviceEntry = fc
  .record(
    {
      hosts: fc.uniqueArray(oneOf(...hosts), { minLength: 1, maxLength: 2 }),
      ports: namedPorts,
      resolution: oneOf('NONE', 'STATIC', 'STATIC', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'),
      addresses: fc.uniqueArray(oneOf(...addresses), { maxLength: 3 }),
      endpoints: some(endpoint, 3),
      exportTo: oneOf(['.'], ['*']),
    },
    { requiredKeys: ['hosts', 'ports', 'resolution'] },
  )
  .map(({ endpoints = [], addresses = [], ...spec }) => ({
    ...spec,
    hosts: spec.ports.some(({ protocol }) => !/^(HTTP|GRPC|TLS)/.test(protocol))
      ? spec.hosts.slice(0, 1)
      : spec.hosts,
    addresses: addresses.filter(
      (each) => !each.includes('/') || spec.resolution === 'STATIC' || spec.resolution === 'NONE',
    ),
    endpoints: endpointsFor(spec.resolution, endpoints),
  }))

function endpointsFor<E extends { readonly address: string; readonly ports?: unknown }>(
  resolution: string,
  endpoints: readonly E[],
): readonly Partial<E>[] {
  if (resolution === 'NONE' || resolution === 'DYNAMIC_DNS') return []
  const isSocket = ({ address }: E) => address.startsWith('unix')
  if (resolution === 'STATIC')
    return endpoints
      .filter(({ address }) => address !== 'c.example')
      .map((each) => (isSocket(each) ? { ...each, ports: {} } : each))
  return endpoints.filter((each) => !isSocket(each)).slice(0, resolution === 'DNS' ? 3 : 1)
}

const headless = { 'service.kubernetes.io/headless': '' }
const services = some(
  fc.record({
    apiVersion: fc.constant('networking.istio.io/v1'),
    kind: fc.constant('ServiceEntry'),
    metadata: fc.record(
      { namespace: oneOf('shop', 'other'), labels: fc.constant(headless) },
      { requiredKeys: ['namespace'] },
    ),
    spec: serviceEntry,
  }),
  6,
  1,
)

const bind = oneOf('0.0.0.0', '127.0.0.1', '10.0.0.1', '10.0.0.9', '::', 'fd00::1')
const listenPort = fc.record({
  number: oneOf(...ports),
  protocol: oneOf('HTTP', 'TCP', 'TLS', 'GRPC', 'HTTP_PROXY', 'UDP'),
  name: oneOf('main'),
})
const captureMode = oneOf('DEFAULT', 'IPTABLES', 'NONE')
const egress = fc.record(
  { port: listenPort, bind, captureMode, hosts: oneOf(['*/*'], ['./*'], ['*/a.example']) },
  { requiredKeys: ['port', 'hosts'] },
)
const pool = fc.record(
  {
    tcp: fc.record({ maxConnections: oneOf(0, 1, 2147483647), connectTimeout: oneOf('1ms', '1h') }),
    http: fc.record({ maxRequestsPerConnection: oneOf(0, 1), http2MaxRequests: oneOf(0, 5) }),
  },
  { requiredKeys: ['tcp'] },
)
const ingress = fc.record(
  {
    port: listenPort,
    bind: oneOf('127.0.0.2', '10.0.0.2', 'fd00::2'),
    captureMode,
    defaultEndpoint: oneOf('127.0.0.1:8080', '0.0.0.0:80', 'unix:///run/in.sock', longSocket, '[::1]:80'),
    connectionPool: pool,
  },
  { requiredKeys: ['port'] },
)
const unique = <T extends { port: { number: number } }>(each: fc.Arbitrary<T>) =>
  fc.uniqueArray(each, { maxLength: 3, selector: (one) => one.port.number })
const sidecar = fc
  .record({
    egress: unique(egress),
    rest: fc.boolean(),
    ingress: unique(ingress),
    mode: oneOf('ALLOW_ANY', 'REGISTRY_ONLY'),
  })
  .map((s) => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    metadata: { name: 'default', namespace: 'shop' },
    spec: {
      egress: [...s.egress, ...(s.rest || s.egress.length === 0 ? [{ hosts: ['*/*'] }] : [])],
      ...(s.ingress.length > 0 ? { ingress: s.ingress } : {}),
      outboundTrafficPolicy: { mode: s.mode },
    },
  }))

const node = fc.record({
  ips: oneOf('10.0.0.1', '10.0.0.1', '10.0.0.1,fd00::1', 'fd00::1', '127.0.0.1', ''),
  mode: oneOf('REDIRECT', 'REDIRECT', 'NONE'),
})

export interface ArbitraryMesh {
  /** Istio's YAML; objects that break a rule of the API are refused one by one. */
  readonly yaml: string
  readonly node: Json
}

export const meshes: fc.Arbitrary<ArbitraryMesh> = fc
  .record({ services, sidecar: fc.option(sidecar), node })
  .map(({ services, sidecar, node }) => {
    const objects = [
      ...services.map((each, i) => ({ ...each, metadata: { ...each.metadata, name: `s${i}` } })),
      ...(sidecar ? [sidecar] : []),
    ]
    return {
      yaml: objects.map((each) => stringify(each, { aliasDuplicateObjects: false })).join('---\n'),
      node: {
        id: `sidecar~${node.ips.split(',')[0] || '10.0.0.7'}~app.shop~shop.svc.cluster.local`,
        metadata: {
          NAMESPACE: 'shop',
          INTERCEPTION_MODE: node.mode,
          ...(node.ips ? { INSTANCE_IPS: node.ips } : {}),
        },
      },
    }
  })
