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
        querystring: query({}),
        response: answers('Ready; 503 while it waits.'),
      },
    },
    async (_request, reply) => {
      const { ready, waitingFor } = deps.mesh.readiness()
      if (ready) return { ready }
      const waiting = waitingFor.map(({ registry, since, error }) => ({
        registry,
        since: since ?? null,
        error: error ?? null,
      }))
      return reply.code(503).send({ ready, waitingFor: waiting })
    },
  )

  app.get(
    '/livez',
    { schema: { summary: 'The process answers', tags, querystring: query({}), response: answers('Alive.') } },
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
