/** /ready, /livez, /version, /metrics: what an orchestrator and Prometheus ask. */
import { answers, query, type Routes } from '../reply.ts'

export const processRoutes: Routes = (app, deps) => {
  const tags = ['process']

  app.get(
    '/ready',
    {
      schema: {
        summary: 'Ready to serve proxies, or what it waits for',
        tags,
        response: answers('Ready; 503 while it waits.'),
      },
    },
    async (_request, reply) => {
      const state = deps.mesh.readiness()
      if (state.ready) return { ready: true }
      const waitingFor = state.waitingFor.map(({ registry, since, error }) => ({
        registry,
        since,
        error: error ?? null,
      }))
      return reply.code(503).send({ ready: false, waitingFor })
    },
  )

  app.get(
    '/livez',
    { schema: { summary: 'The process answers', tags, response: answers('Alive.') } },
    async () => ({ live: true }),
  )

  app.get(
    '/version',
    {
      schema: {
        summary: 'Version of the Pilot',
        tags,
        querystring: query({}),
        response: answers('Versions.'),
      },
    },
    async () => deps.version,
  )

  app.get(
    '/metrics',
    { schema: { summary: "Metrics in Prometheus' text format", tags } },
    async (_request, reply) => reply.type(deps.metrics.contentType).send(await deps.metrics.text()),
  )
}
