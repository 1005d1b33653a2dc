/** The xDS server's streams as REST shows them: those that have said who they are. */
import type { ProxyReader, TypeStatus } from '#admin/deps.ts'
import type { TypeStatus as ServerTypeStatus, XdsServer } from '#xds/server/index.ts'

export function proxyReader(server: Pick<XdsServer, 'streams' | 'held'>): ProxyReader {
  return {
    streams: () =>
      server
        .streams()
        .flatMap(({ node, since, types, ...stream }) =>
          node ? [{ ...stream, node, since: new Date(since), types: types.map(typeStatus) }] : [],
        ),
    held: server.held,
  }
}

function typeStatus(type: ServerTypeStatus): TypeStatus {
  const { sentAt, ackedAt, nack } = type
  return {
    typeUrl: type.typeUrl,
    wildcard: type.wildcard,
    get names() {
      return type.names()
    },
    get resources() {
      return type.resourceCount
    },
    ...(sentAt > 0 && { sentAt: new Date(sentAt), sentVersion: type.sentVersion, sentNonce: type.sentNonce }),
    ...(ackedAt > 0 && { ackedAt: new Date(ackedAt), ackedVersion: type.ackedVersion }),
    ...(nack && { nack: { ...nack, since: new Date(nack.since) } }),
    status: type.status,
  }
}
