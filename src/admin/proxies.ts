/** Streams seen as proxies: one that uses a stream for each type is still one proxy. */
import type { Node, Resource } from '#xds/resources.ts'
import type { Nack, ProxyReader, StreamStatus, TypeStatus } from './deps.ts'
import { AdminError } from './errors.ts'

export interface ConnectedProxy {
  readonly id: string
  readonly node: Node
  /** Oldest first. */
  readonly streams: readonly StreamStatus[]
}

/** All connected proxies, by node id. */
export function proxiesOf(streams: readonly StreamStatus[]): readonly ConnectedProxy[] {
  const byId = Map.groupBy(
    [...streams].sort((a, b) => a.since.getTime() - b.since.getTime()),
    ({ node }) => node.id,
  )
  return [...byId]
    .map(([id, own]): ConnectedProxy => ({ id, node: own.at(-1)!.node, streams: own }))
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}

/** `name.namespace`, as istioctl calls a proxy; the node id itself where it has no such form. */
export function proxyName({ id, metadata }: Node): string {
  const fromId = id.split('~')[2]
  if (fromId) return fromId
  const namespace = metadata.NAMESPACE
  return typeof namespace === 'string' && namespace !== '' ? `${id}.${namespace}` : id
}

/**
 * The one proxy that `proxyID` means: its node id, `name.namespace`, or `name` where no other has that name.
 * @throws AdminError MISSING_PROXY, UNKNOWN_PROXY, AMBIGUOUS_PROXY
 */
export function findProxy(reader: ProxyReader, proxyID: string | undefined): ConnectedProxy {
  if (!proxyID) throw new AdminError('MISSING_PROXY', 'The parameter proxyID is missing.')
  const all = proxiesOf(reader.streams())
  const found =
    firstOf(all, ({ id }) => id === proxyID) ??
    firstOf(all, ({ node }) => proxyName(node) === proxyID) ??
    firstOf(all, ({ node }) => proxyName(node).startsWith(`${proxyID}.`))
  if (!found) throw new AdminError('UNKNOWN_PROXY', `No proxy ${JSON.stringify(proxyID)} is connected.`)
  if (found.length > 1)
    throw new AdminError(
      'AMBIGUOUS_PROXY',
      `${JSON.stringify(proxyID)} may be any of ${found.map(({ id }) => id).join(', ')}.`,
    )
  return found[0]!
}

function firstOf(
  all: readonly ConnectedProxy[],
  which: (proxy: ConnectedProxy) => boolean,
): readonly ConnectedProxy[] | undefined {
  const found = all.filter(which)
  return found.length > 0 ? found : undefined
}

/** Each type by the newest stream that carries it. */
export function typesOf({ streams }: ConnectedProxy): readonly TypeStatus[] {
  const types = new Map<string, TypeStatus>()
  for (const { types: own } of streams) for (const type of own) types.set(type.typeUrl, type)
  return [...types.values()]
}

/** What the proxy holds, each type from the newest stream that carries it. */
export function* heldBy(reader: ProxyReader, { streams }: ConnectedProxy): Iterable<Resource> {
  const owner = new Map<string, string>()
  for (const { id, types } of streams) for (const { typeUrl } of types) owner.set(typeUrl, id)
  for (const { id } of streams)
    for (const resource of reader.held(id)) if (owner.get(resource.typeUrl) === id) yield resource
}

export const nackJson = ({ message, resources, since, lastGoodVersion }: Nack) => ({
  message,
  resources,
  since,
  lastGoodVersion: lastGoodVersion || null,
})
