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
  app.register(async (scope) => {
    // The handler reads proto3 JSON itself, and nothing else is taken.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      'application/json',
      { parseAs: 'string', bodyLimit: BODY_LIMIT },
      (_request, body, done) => done(null, body),
    )
    for (const kind of kinds)
      scope.post<{ Body: string | undefined }>(
        `/v3/discovery::${kind}`,
        {
          bodyLimit: BODY_LIMIT,
          schema: {
            summary: `REST xDS: ${kind}`,
            description: 'Takes an envoy.service.discovery.v3.DiscoveryRequest in proto3 JSON.',
            tags: ['xds'],
            response: answers('envoy.service.discovery.v3.DiscoveryResponse; 304 if nothing is new.'),
          },
        },
        async (request, reply) => {
          // Envoy sends a Host of its own (its cluster's name), so the check of the Host can't guard these: Origin does.
          if (request.headers.origin !== undefined)
            throw new AdminError('HOST_REFUSED', 'A web page may not call REST xDS.')
          if (request.body === undefined) throw new AdminError('BODY_REFUSED', 'There is no body.')
          const { status, body } = await restDiscovery(`/v3/discovery:${kind}`, request.body)
          return reply.code(status).type('application/json').send(body)
        },
      )
  })
}
