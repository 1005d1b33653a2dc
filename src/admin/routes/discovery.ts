/** REST xDS: POST /v3/discovery:clusters and its like, which Envoy's `api_type: REST` polls. */
import { AdminError } from '../errors.ts'
import { answers, type Routes } from '../reply.ts'

const kinds = [
  'clusters',
  'endpoints',
  'listeners',
  'routes',
  'scoped-routes',
  'secrets',
  'runtime',
  'extension_configs',
] as const

/** A request may name all of a mesh's resources. */
const BODY_LIMIT = 4 * 1024 * 1024

export const discoveryRoutes: Routes = (app, { restDiscovery }) => {
  if (!restDiscovery) return
  for (const kind of kinds)
    app.post<{ Body: unknown }>(
      `/v3/discovery::${kind}`,
      {
        bodyLimit: BODY_LIMIT,
        schema: {
          summary: `REST xDS: ${kind}`,
          tags: ['xds'],
          body: {
            type: 'object',
            description: 'envoy.service.discovery.v3.DiscoveryRequest',
            additionalProperties: true,
          },
          response: answers('envoy.service.discovery.v3.DiscoveryResponse; 304 if nothing is new.'),
        },
      },
      async (request, reply) => {
        // Envoy sends a Host of its own (its cluster's name), so the check of the Host can't guard these: Origin does.
        if (request.headers.origin !== undefined)
          throw new AdminError('HOST_REFUSED', 'A web page may not call REST xDS.')
        const { status, body } = await restDiscovery(`/v3/discovery:${kind}`, request.body)
        return reply.code(status).type('application/json').send(body)
      },
    )
}
