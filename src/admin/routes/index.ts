/** `/` for people, `/debug` and /openapi.json for programs. */
import { indexPage } from '../page.ts'
import { answers, query, type Routes } from '../reply.ts'

/** `describe` gives the OpenAPI document of all routes; it is made when first asked for. */
export const indexRoutes =
  (describe: () => Promise<object>): Routes =>
  (app, deps) => {
    const paths: { path: string; summary: string }[] = []
    app.addHook('onRoute', ({ method, url, schema }) => {
      const summary = (schema as { summary?: string } | undefined)?.summary
      if (method === 'GET' && summary) paths.push({ path: url, summary })
    })

    app.get('/', { schema: { hide: true } }, async (_request, reply) =>
      reply
        .type('text/html; charset=utf-8')
        .header(
          'content-security-policy',
          "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        )
        .send(indexPage(deps, paths)),
    )

    app.get(
      '/debug',
      {
        schema: {
          summary: 'This list',
          tags: ['process'],
          querystring: query({}),
          response: answers('Paths.'),
        },
      },
      async () => ({ paths }),
    )

    app.get(
      '/openapi.json',
      { schema: { summary: 'All paths, in OpenAPI 3', tags: ['process'] } },
      async () => describe(),
    )
  }
