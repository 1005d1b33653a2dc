/** /debug/configz, /debug/mesh, /debug/push_status: configuration, and what is wrong with it. */
import type { ConfigObject } from '#model/config.ts'
import { shortName } from '#xds/type-urls.ts'
import type { AdminDeps } from '../deps.ts'
import { type Page, page } from '../paging.ts'
import { nackJson, proxiesOf, proxyName, typesOf } from '../proxies.ts'
import { answers, query, type Routes, sendList, sendObject } from '../reply.ts'

interface Wanted {
  readonly kind?: string
  readonly namespace?: string
  readonly name?: string
}

export const configRoutes: Routes = (app, deps) => {
  const tags = ['configuration']

  app.get<{ Querystring: Page & Wanted }>(
    '/debug/configz',
    {
      schema: {
        summary: 'Configuration objects with their source, version and issues',
        tags,
        querystring: query(
          { kind: 'e.g. VirtualService', namespace: 'Only this namespace.', name: 'Only this name.' },
          { paged: true },
        ),
        response: answers('Configuration objects.'),
      },
    },
    async (request, reply) =>
      sendList(reply, configsJson(deps.mesh.snapshot().configs.values(), request.query), request.query),
  )

  app.get(
    '/debug/mesh',
    {
      schema: {
        summary: 'Settings of the mesh',
        tags,
        querystring: query({}),
        response: answers('Settings.'),
      },
    },
    async () => deps.settings,
  )

  app.get<{ Querystring: Page }>(
    '/debug/push_status',
    {
      schema: {
        summary: 'What failed: rejected responses, and issues of the current snapshot',
        description: 'limit and offset count issues.',
        tags,
        querystring: query({}, { paged: true }),
        response: answers('NACKs that stand, and issues.'),
      },
    },
    async (request, reply) => {
      const snapshot = deps.mesh.snapshot()
      return sendObject(reply, {
        revision: snapshot.revision,
        rejected: rejectedJson(deps),
        issues: page(deps.mesh.issues(), request.query),
      })
    },
  )
}

function* configsJson(objects: Iterable<ConfigObject>, wanted: Wanted) {
  for (const object of objects) if (matches(object, wanted)) yield configJson(object)
}

const matches = (object: ConfigObject, { kind, namespace, name }: Wanted): boolean =>
  (kind === undefined || object.kind.toLowerCase() === kind.toLowerCase()) &&
  (namespace === undefined || object.namespace === namespace) &&
  (name === undefined || object.name === name)

function configJson(object: ConfigObject) {
  const { kind, apiVersion, namespace, name, labels, annotations, createdAt, spec, status, version } = object
  return {
    kind,
    apiVersion,
    namespace,
    name,
    labels,
    annotations,
    createdAt,
    version,
    source: object.origin.at ?? object.origin.source,
    origin: object.origin,
    issues: object.issues,
    spec,
    status,
  }
}

function* rejectedJson({ proxies }: AdminDeps) {
  for (const proxy of proxiesOf(proxies.streams()))
    for (const { typeUrl, nack } of typesOf(proxy))
      if (nack)
        yield { proxy: proxyName(proxy.node), proxyID: proxy.id, type: shortName(typeUrl), ...nackJson(nack) }
}
