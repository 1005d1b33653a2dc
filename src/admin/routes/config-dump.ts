/** /debug/config_dump. */
import type { Resource } from '#xds/resources.ts'
import { configDump, dumpSections, type ResourceToJson } from '../config-dump.ts'
import { findProxy, heldBy, typesOf } from '../proxies.ts'
import { answers, failure, query, type Routes, sendText } from '../reply.ts'

export const configDumpRoutes: Routes = (app, { proxies }) => {
  app.get<{ Querystring: { proxyID?: string; types?: string } }>(
    '/debug/config_dump',
    {
      schema: {
        summary: "What a proxy was sent, in the form of Envoy's /config_dump",
        description: 'Private keys and passwords are redacted.',
        tags: ['proxies'],
        querystring: query({
          proxyID: 'Node id of a proxy, or its name.namespace.',
          types: 'Comma-separated: cds, lds, rds, eds, sds; default: all.',
        }),
        response: { ...answers("Envoy's ConfigDump."), 404: failure('No such proxy is connected.') },
      },
    },
    async (request, reply) => {
      const sections = dumpSections(request.query.types)
      const proxy = findProxy(proxies, request.query.proxyID)
      const toJson = await resourceToJson()
      return sendText(reply, configDump(sections, heldBy(proxies, proxy), typesOf(proxy), toJson))
    },
  )
}

/** Loads all of Envoy's messages, which takes a while: only once somebody asks. */
async function resourceToJson(): Promise<ResourceToJson> {
  const [{ AnySchema, decode }, { toJson }] = await Promise.all([
    import('#xds/proto/index.ts'),
    import('#xds/proto/json.ts'),
  ])
  return ({ bytes }: Resource) => toJson(AnySchema, decode(AnySchema, bytes), { protoNames: true })
}
