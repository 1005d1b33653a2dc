/** ClusterLoadAssignments: the endpoints of one service port, as one kind of proxy should see them. */
import type { Demand } from '#model/load.ts'
import type { MeshEndpoint, MeshService, ServiceAttributes } from '#model/mesh.ts'
import type { Health, ServicePort } from '#model/service.ts'
import { HealthStatus } from '#xds/proto/gen/envoy/config/core/v3/health_check_pb.js'
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from '#xds/proto/gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { create } from '#xds/proto/index.ts'
import type { Resource } from '#xds/resources.ts'
import { identityCache, pairCache } from './cache.ts'
import { type Context, encodeResource } from './context.ts'
import { anyAddress, fitsSocket, type Init, isAddress, isUnix } from './envoy.ts'
import { byPlace, type EndpointScope, type Place, scopeKey, sees } from './locality.ts'
import { outboundCluster } from './names.ts'
import { ownWeight, weightsByLoad } from './place-weights.ts'
import { protocolClass } from './protocol.ts'

const MAX_UINT32 = 0xffffffff

type LbEndpointInit = NonNullable<
  NonNullable<Init<typeof ClusterLoadAssignmentSchema>['endpoints']>[number]['lbEndpoints']
>[number]

/** Envoy has UNKNOWN for "healthy as far as I know"; it costs no byte. */
const healthStatus: Readonly<Record<Health, HealthStatus>> = {
  HEALTHY: HealthStatus.UNKNOWN,
  DEGRADED: HealthStatus.DEGRADED,
  UNHEALTHY: HealthStatus.UNHEALTHY,
  DRAINING: HealthStatus.DRAINING,
}

export const proxiedPorts = (service: ServiceAttributes): readonly ServicePort[] =>
  service.ports.filter((port) => protocolClass(port.protocol) !== 'none')

/** One ClusterLoadAssignment for each port; encoded once for all views with the same scope. */
export function endpointGenerator(context: Context) {
  const cache = pairCache<readonly Resource[]>()
  const byDemand = identityCache<ReturnType<typeof pairCache<Resource>>>()

  function encode({ attributes, endpoints }: MeshService, port: ServicePort, scope: Scope): Resource {
    const name = outboundCluster(port.port, attributes.hostname)
    const assignment = loadAssignment(context, name, endpoints, port, scope, 'addresses')
    return encodeResource(context, ClusterLoadAssignmentSchema, name, assignment)
  }

  return (
    service: MeshService,
    scope: EndpointScope,
    demands?: ReadonlyMap<number, Demand>,
  ): readonly Resource[] => {
    const { attributes, endpoints } = service
    const key = scopeKey(scope)
    if (scope.from === undefined)
      return cache(endpoints, attributes, key, () =>
        proxiedPorts(attributes).map((port) => encode(service, port, scope)),
      )
    return proxiedPorts(attributes).map((port) => {
      const demand = demands?.get(port.port)
      const ofDemand = byDemand.get(demand ?? noDemand, '', pairCache)
      return ofDemand(endpoints, attributes, `${port.port} ${key}`, () =>
        encode(service, port, { ...scope, demand }),
      )
    })
  }
}

const noDemand = {}

/** With the demand of one port. */
type Scope = EndpointScope & { readonly demand?: Demand | undefined }

/**
 * Endpoints grouped by priority and locality, in an order that doesn't depend on arrival. An address that two
 * registries report is taken once, from the first in precedence: clients of gRPC refuse duplicates.
 * `kind`: EDS takes only addresses; a DNS cluster takes names too, but no sockets.
 */
export function loadAssignment(
  context: Context,
  clusterName: string,
  endpoints: readonly MeshEndpoint[],
  port: ServicePort,
  scope: Scope,
  kind: 'addresses' | 'names',
): ClusterLoadAssignment {
  const usable = unique(endpoints, port).filter((endpoint) => {
    if (!sees(scope, endpoint) || !serves(endpoint, port)) return false
    const fits = accepts(kind, endpoint.address, scope)
    if (!fits) context.counters.count('invalid_endpoints', clusterName)
    return fits
  })
  const places = byPlace(inProportion(usable), scope)
  const { from, demand } = scope
  const weight = from === undefined ? ownWeight : weightsByLoad(places, { ...scope, from }, demand)
  return create(ClusterLoadAssignmentSchema, {
    clusterName,
    endpoints: places.map((place) => localityEndpoints(place, weight(place), port)),
  })
}

/** Envoy refuses an assignment whose weights add up to more than 32 bits hold. */
function inProportion(endpoints: readonly MeshEndpoint[]): readonly MeshEndpoint[] {
  const total = endpoints.reduce((sum, { weight }) => sum + weight, 0)
  if (total <= MAX_UINT32) return endpoints
  const scale = (MAX_UINT32 - endpoints.length) / total
  return endpoints.map((each) => ({ ...each, weight: Math.max(1, Math.floor(each.weight * scale)) }))
}

function accepts(kind: 'addresses' | 'names', address: string, { ipOnly }: EndpointScope): boolean {
  if (kind === 'names') return !isUnix(address)
  return isAddress(address) || (isUnix(address) && fitsSocket(address) && ipOnly !== true)
}

/** Another registry's endpoint of a united service may lack one of its ports. */
export const serves = (endpoint: MeshEndpoint, port: ServicePort): boolean => endpoint.ports[port.name] !== 0

export const endpointPort = (endpoint: MeshEndpoint, port: ServicePort): number =>
  endpoint.ports[port.name] ?? port.targetPort ?? port.port

/** Weight 0 is not written: Envoy refuses it, and gives a locality without weight nothing. */
function localityEndpoints({ locality, priority, endpoints }: Place, weight: number, port: ServicePort) {
  return {
    locality: { region: locality.region, zone: locality.zone, subZone: locality.subzone },
    lbEndpoints: endpoints.map((endpoint) => lbEndpoint(endpoint, port)),
    loadBalancingWeight: weight || undefined,
    priority,
  }
}

/** No metadata: its bytes would go to every proxy; /debug/endpointz tells where an endpoint came from. */
function lbEndpoint(endpoint: MeshEndpoint, port: ServicePort): LbEndpointInit {
  return {
    hostIdentifier: {
      case: 'endpoint',
      value: { address: anyAddress(endpoint.address, endpointPort(endpoint, port)) },
    },
    healthStatus: healthStatus[endpoint.health],
    loadBalancingWeight: endpoint.weight === 1 ? undefined : endpoint.weight,
  }
}

function unique(endpoints: readonly MeshEndpoint[], port: ServicePort): readonly MeshEndpoint[] {
  const seen = new Map<string, MeshEndpoint>()
  for (const endpoint of endpoints) {
    const key = `${endpoint.address} ${endpointPort(endpoint, port)}`
    const other = seen.get(key)
    if (other === undefined || endpoint.priority < other.priority) seen.set(key, endpoint)
  }
  return [...seen.values()]
}
