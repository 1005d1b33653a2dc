/** /debug/syncz, adsz, connections, sidecarz, instancesz: who is connected, and what each was sent. */
import { shortName } from '#xds/type-urls.ts'
import type { AdminDeps, StreamStatus, TypeStatus, ViewDescription } from '../deps.ts'
import type { Page } from '../paging.ts'
import { page } from '../paging.ts'
import { type ConnectedProxy, findProxy, nackJson, proxiesOf, proxyName, typesOf } from '../proxies.ts'
import { answers, failure, query, type Routes, sendList, sendObject } from '../reply.ts'

const proxyID = 'Node id of a proxy, or its name.namespace.'

export const proxyRoutes: Routes = (app, deps) => {
  const { proxies } = deps
  const tags = ['proxies']

  app.get<{ Querystring: Page & { proxyID?: string } }>(
    '/debug/syncz',
    {
      schema: {
        summary: 'Per proxy and type: versions sent and acknowledged, NACKs, status',
        tags,
        querystring: query({ proxyID }, { paged: true }),
        response: answers('Proxies.'),
      },
    },
    async (request, reply) =>
      sendList(reply, mapped(chosen(deps, request.query.proxyID), syncJson), request.query),
  )

  const streamsRoute = (path: string, summary: string, toJson: (stream: StreamStatus) => object) =>
    app.get<{ Querystring: Page }>(
      path,
      { schema: { summary, tags, querystring: query({}, { paged: true }), response: answers('Streams.') } },
      async (request, reply) => {
        const streams = proxies.streams()
        const clients = mapped(page(streams, request.query), toJson)
        return sendObject(reply, { totalClients: streams.length, clients })
      },
    )

  streamsRoute('/debug/adsz', 'Streams with their node and subscriptions', streamJson)
  streamsRoute('/debug/connections', 'Streams in short', connectionJson)
  viewRoute('/debug/sidecarz', 'What a proxy may call', (description) => description)
  viewRoute(
    '/debug/instancesz',
    'The service ports that a proxy answers for its workload',
    ({ inbound, conflicts }) => ({ inbound, conflicts }),
  )

  function viewRoute(path: string, summary: string, part: (description: ViewDescription) => object): void {
    app.get<{ Querystring: Page & { proxyID?: string } }>(
      path,
      {
        schema: {
          summary,
          description: 'Without proxyID: of all connected proxies, by node id; limit and offset count them.',
          tags,
          querystring: query({ proxyID }, { paged: true }),
          response: { ...answers('By node id.'), 404: failure('No such proxy is connected.') },
        },
      },
      async (request, reply) => {
        const views: Record<string, object | null> = {}
        for (const { id, node } of page(chosen(deps, request.query.proxyID), request.query)) {
          const description = deps.views.describe(node)
          views[id] = description ? part(description) : null
        }
        return sendObject(reply, views)
      },
    )
  }
}

const chosen = ({ proxies }: AdminDeps, id: string | undefined): readonly ConnectedProxy[] =>
  id === undefined ? proxiesOf(proxies.streams()) : [findProxy(proxies, id)]

function* mapped<T>(items: Iterable<T>, json: (item: T) => object) {
  for (const item of items) yield json(item)
}

function syncJson(proxy: ConnectedProxy) {
  const { node, streams } = proxy
  return {
    proxyID: proxy.id,
    proxy: proxyName(node),
    cluster: node.metadata.CLUSTER_ID ?? node.cluster,
    namespace: node.metadata.NAMESPACE ?? '',
    version: node.metadata.ISTIO_VERSION ?? node.userAgentVersion,
    agent: node.userAgentName,
    connectedSince: streams[0]!.since,
    streams: streams.map(({ id }) => id),
    types: Object.fromEntries(typesOf(proxy).map((type) => [shortName(type.typeUrl), typeJson(type)])),
  }
}

function typeJson(type: TypeStatus) {
  return {
    status: type.status,
    resources: type.resources,
    sentVersion: type.sentVersion || null,
    sentNonce: type.sentNonce || null,
    sentAt: type.sentAt ?? null,
    ackedVersion: type.ackedVersion || null,
    ackedAt: type.ackedAt ?? null,
    nack: type.nack ? nackJson(type.nack) : null,
  }
}

const connectionJson = (stream: StreamStatus) => ({
  ...clientJson(stream),
  node: stream.node.id,
  types: stream.types.map(({ typeUrl }) => shortName(typeUrl)),
  /** By type: how many names, or all. */
  subscriptions: Object.fromEntries(
    stream.types.map(({ typeUrl, wildcard, names }) => [shortName(typeUrl), wildcard ? '*' : names.length]),
  ),
})

const clientJson = ({ id, node, peer, since, protocol, bytesSent, messagesSent }: StreamStatus) => ({
  connectionId: id,
  proxyID: node.id,
  proxy: proxyName(node),
  peer,
  since,
  protocol,
  bytesSent,
  messagesSent,
})

const streamJson = (stream: StreamStatus) => ({
  ...clientJson(stream),
  node: stream.node,
  types: Object.fromEntries(
    stream.types.map((type) => [
      shortName(type.typeUrl),
      { wildcard: type.wildcard, names: type.names, ...typeJson(type) },
    ]),
  ),
})
