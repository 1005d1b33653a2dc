/** /debug/registryz and /debug/endpointz: the merged model; what of it is held back can be let go. */
import type { MeshEndpoint, MeshService, MeshSnapshot, SourceState } from '#model/mesh.ts'
import type { ServicePort } from '#model/service.ts'
import { AdminError } from '../errors.ts'
import { type Page, page } from '../paging.ts'
import { answers, query, type Routes, sendList, sendObject } from '../reply.ts'

const tags = ['model']

export const serviceRoutes: Routes = (app, deps) => {
  const { mesh } = deps

  app.get<{ Querystring: Page }>(
    '/debug/registryz',
    {
      schema: {
        summary: 'Registries with their state, and services',
        description: 'limit and offset count services.',
        tags,
        querystring: query({}, { paged: true }),
        response: answers('Registries, configuration sources, services.'),
      },
    },
    async (request, reply) => {
      const snapshot = mesh.snapshot()
      const sources = [...snapshot.sources.values()]
      return sendObject(reply, {
        revision: snapshot.revision,
        registries: sources.filter(({ role }) => role === 'registry').map(sourceJson),
        configSources: sources.filter(({ role }) => role === 'config').map(sourceJson),
        services: page(servicesJson(snapshot), request.query),
      })
    },
  )

  acceptRoute(app, deps)

  app.get<{ Querystring: Page & { service?: string; registry?: string } }>(
    '/debug/endpointz',
    {
      schema: {
        summary: 'Endpoints, one line for each service port',
        tags,
        querystring: query(
          { service: 'Only this hostname.', registry: 'Only endpoints of this registry.' },
          { paged: true },
        ),
        response: answers('Endpoints.'),
      },
    },
    async (request, reply) => sendList(reply, endpointsJson(mesh.snapshot(), request.query), request.query),
  )
}

const acceptRoute: Routes = (app, { mesh, log }) => {
  if (mesh.accept === undefined) return
  app.post<{ Querystring: { registry?: string } }>(
    '/debug/registryz/accept',
    {
      schema: {
        summary: 'Let go what is held back of a registry (state protected)',
        tags,
        querystring: query({ registry: 'Name of the registry.' }),
        response: answers('How many services were let go.'),
      },
    },
    async ({ headers, query: { registry } }) => {
      // A page in a browser can post to this machine without being asked: it says where it comes from.
      if (headers.origin !== undefined)
        throw new AdminError('HOST_REFUSED', 'A web page may not let go what is held back.')
      if (!registry) throw new AdminError('INVALID_PARAMETER', 'registry is missing.')
      const accepted = mesh.accept?.(registry)
      if (accepted === undefined)
        throw new AdminError('UNKNOWN_REGISTRY', `There is no registry ${registry}.`)
      log.info({ registry, accepted }, 'the operator let go what was held back')
      return { registry, accepted }
    },
  )
}

const sourceJson = ({
  name,
  kind,
  state,
  lastUpdate,
  error,
  since,
  staleServices,
  protectedServices,
  issues,
}: SourceState) => ({
  name,
  kind,
  state,
  lastUpdate: lastUpdate ?? null,
  error: error ?? null,
  since: since ?? null,
  ...(staleServices !== undefined && { staleServices }),
  ...(protectedServices !== undefined && { protectedServices }),
  issues,
})

function* servicesJson({ services }: MeshSnapshot) {
  for (const service of services.values()) yield serviceJson(service)
}

function serviceJson({ attributes, registries, endpoints, issues }: MeshService) {
  const { hostname, namespace, ports, addresses, resolution, location, exportTo, aliases, origins } =
    attributes
  return {
    hostname,
    namespace,
    ports: ports.map(({ name, port, protocol }) => ({ name, port, protocol })),
    addresses,
    registries,
    endpoints: endpoints.length,
    healthy: endpoints.filter(({ health }) => health === 'HEALTHY').length,
    issues,
    resolution,
    location,
    exportTo,
    aliases,
    origins,
  }
}

function* endpointsJson(snapshot: MeshSnapshot, wanted: { service?: string; registry?: string }) {
  for (const [key, service] of snapshot.services) {
    if (wanted.service !== undefined && !means(service, wanted.service)) continue
    for (const port of service.attributes.ports)
      for (const endpoint of service.endpoints)
        if (
          portNumber(endpoint, port) !== 0 &&
          (wanted.registry === undefined || endpoint.registry === wanted.registry)
        )
          yield endpointJson(service, port, endpoint, snapshot.freshness(key, endpoint.registry, endpoint))
  }
}

const means = ({ attributes: { key, hostname, aliases } }: MeshService, name: string): boolean =>
  hostname === name || key === name || aliases.includes(name)

/** 0: it does not serve this port. */
const portNumber = (endpoint: MeshEndpoint, port: ServicePort): number =>
  endpoint.ports[port.name] ?? port.targetPort ?? port.port

function endpointJson(
  { attributes }: MeshService,
  port: ServicePort,
  endpoint: MeshEndpoint,
  { state, since, reason }: ReturnType<MeshSnapshot['freshness']>,
) {
  const { address, health, weight, locality, labels, network, registry } = endpoint
  return {
    service: attributes.hostname,
    port: port.port,
    address,
    targetPort: portNumber(endpoint, port),
    health,
    weight,
    locality: locality ? [locality.region, locality.zone, locality.subzone].filter(Boolean).join('/') : '',
    labels,
    network,
    registry,
    state,
    since,
    reason,
    namespace: attributes.namespace,
    portName: port.name,
    protocol: port.protocol,
    priority: endpoint.priority,
    workload: endpoint.workload,
    serviceAccount: endpoint.serviceAccount,
    origin: endpoint.origin,
  }
}
