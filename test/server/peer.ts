/**
 * Not a test: serves S services of E endpoints from memory, for a load client.
 * `node test/server/peer.ts [services] [endpoints] [xds port] [change port]`; a POST to
 * `/change/<i>` on the second port puts 10.99.0.<i> into one endpoint.
 */
import { createServer } from 'node:http'
import { resource } from '#xds/make-resource.ts'
import { ClusterSchema } from '#xds/proto/gen/envoy/config/cluster/v3/cluster_pb.js'
import { ClusterLoadAssignmentSchema } from '#xds/proto/gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { ListenerSchema } from '#xds/proto/gen/envoy/config/listener/v3/listener_pb.js'
import { RouteConfigurationSchema } from '#xds/proto/gen/envoy/config/route/v3/route_pb.js'
import { HttpConnectionManagerSchema } from '#xds/proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { pack } from '#xds/proto/index.ts'
import type { Resource } from '#xds/resources.ts'
import { createMemorySource, createXdsServer } from '#xds/server/index.ts'

const [services, endpoints, port, changePort] = [2, 3, 4, 5].map((i) =>
  Number(process.argv[i] ?? [100, 10, 15010, 15019][i - 2]),
)
const ads = { configSourceSpecifier: { case: 'ads' as const, value: {} }, resourceApiVersion: 2 }
const nameOf = (i: number): string => `outbound|80||service-${i}.default.svc.cluster.local`

const cluster = (i: number): Resource =>
  resource(
    ClusterSchema,
    nameOf(i),
    {
      name: nameOf(i),
      clusterDiscoveryType: { case: 'type', value: 3 },
      edsClusterConfig: { edsConfig: ads, serviceName: nameOf(i) },
      altStatName: 'x'.repeat(800),
    },
    [nameOf(i)],
  )
const address = (ip: string) => ({
  address: {
    case: 'socketAddress' as const,
    value: { address: ip, portSpecifier: { case: 'portValue' as const, value: 80 } },
  },
})
const endpoint = (i: number, first?: string): Resource =>
  resource(ClusterLoadAssignmentSchema, nameOf(i), {
    clusterName: nameOf(i),
    endpoints: [
      {
        lbEndpoints: Array.from({ length: endpoints! }, (_, e) => ({
          hostIdentifier: {
            case: 'endpoint' as const,
            value: {
              address: address(e === 0 && first ? first : `10.${i >> 8}.${i & 255}.${e}`),
              hostname: 'h'.repeat(60),
            },
          },
        })),
      },
    ],
  })
const listener = resource(
  ListenerSchema,
  'l',
  {
    name: 'l',
    address: address('127.0.0.1'),
    filterChains: [
      {
        filters: [
          {
            name: 'hcm',
            configType: {
              case: 'typedConfig',
              value: pack(HttpConnectionManagerSchema, {
                routeSpecifier: { case: 'rds', value: { routeConfigName: '80', configSource: ads } },
              }),
            },
          },
        ],
      },
    ],
  },
  ['80'],
)
const route = resource(RouteConfigurationSchema, '80', {
  name: '80',
  virtualHosts: Array.from({ length: services! }, (_, i) => ({
    name: nameOf(i),
    domains: [nameOf(i), 'y'.repeat(250) + i],
  })),
})

const source = createMemorySource()
source.set('*', [
  listener,
  route,
  ...Array.from({ length: services! }, (_, i) => [cluster(i), endpoint(i)]).flat(),
])
const server = createXdsServer({ source })
await server.listen(`127.0.0.1:${port}`)
createServer((request, response) => {
  const i = request.url!.split('/').at(-1)!
  source.update('*', endpoint(Number(i) % services!, `10.99.0.${i}`))
  response.end('ok')
}).listen(changePort, '127.0.0.1', () => console.log('ready'))
// An orderly exit, so that --cpu-prof and the like write their files.
process.on('SIGINT', () => process.exit())
