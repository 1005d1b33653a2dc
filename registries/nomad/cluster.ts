/** Which cluster this is: its region, its nodes, and whether its history is the one that was known. */
import type { PilotError } from '#model/issue.ts'
import { registryError } from '../trouble.ts'
import type { NomadClient } from './api.ts'
import type { NodeFacts } from './translate.ts'
import { type Node, parseMeta, parseNodes } from './wire.ts'

export type History = 'same' | 'new' | PilotError

export interface ClusterDeps {
  readonly client: NomadClient
  readonly signal: AbortSignal
  /** Of the settings. */
  readonly region?: string
  /** Nodes' metadata is wanted, which their list does not have. */
  readonly meta: boolean
  readonly book: {
    region(name: string): void
    nodes(list: readonly Node[]): void
    node(node: NodeFacts): void
  }
  /** The token may not read the nodes. */
  readonly denied: () => void
}

export interface Cluster {
  /** Asks for the nodes. `new` once for each who asks, by name, when the history is another. */
  acquaint(who: string): Promise<History>
  /** A list of nodes, or one of an event. */
  nodes(list: readonly Node[]): void
  node(node: Node, meta: NodeFacts['meta']): void
  /** The nodes may not be read. */
  denied(): boolean
}

/** Nodes asked for their metadata at once. */
const AT_ONCE = 4

export function createCluster({ client, signal, region, meta, book, denied }: ClusterDeps): Cluster {
  /** CreateIndex by id: what tells one history from another. */
  const identity = new Map<string, number>()
  /** Nodes whose metadata is known, or is being asked for. */
  const known = new Set<string>()
  /** How many histories there were, and which of them who has been told. */
  let histories = 0
  const told = new Map<string, number>()
  let isDenied = false

  async function acquaint(who: string): Promise<History> {
    const answer = await client.get({ path: '/v1/nodes', signal })
    isDenied = !answer.ok && answer.status === 403
    if (isDenied) denied()
    else if (!answer.ok) return answer.error
    const found = answer.ok ? parseNodes(answer.body) : { values: [] }
    if (!found) return registryError('PH3005', `${client.place}/v1/nodes: the answer is no list of nodes.`)
    if (historyOf(identity, found.values) === 'new') histories++
    if (found.values.length > 0) identity.clear()
    for (const { id, createIndex } of found.values) identity.set(id, createIndex)
    nodes(found.values)
    book.region(region ?? (await readRegion(client, signal)) ?? 'global')
    const news = (told.get(who) ?? 0) !== histories
    told.set(who, histories)
    return news ? 'new' : 'same'
  }

  function nodes(list: readonly Node[]): void {
    book.nodes(list)
    if (meta) void readMeta(list.filter(({ id }) => !known.has(id)))
  }
  async function readMeta(list: readonly Node[]): Promise<void> {
    const waiting = [...list]
    const next = async (): Promise<void> => {
      const node = waiting.shift()
      if (!node || signal.aborted) return
      known.add(node.id)
      const answer = await client.get({ path: `/v1/node/${encodeURIComponent(node.id)}`, signal })
      const found = answer.ok ? parseMeta(answer.body) : undefined
      if (found) book.node({ ...node, meta: found })
      else known.delete(node.id)
      return next()
    }
    await Promise.all(Array.from({ length: AT_ONCE }, next))
  }

  return {
    acquaint,
    nodes,
    node(node, found) {
      if (!identity.has(node.id)) identity.set(node.id, node.createIndex)
      if (found) known.add(node.id)
      book.node({ ...node, meta: found })
    },
    denied: () => isDenied,
  }
}

/**
 * A server without its data has the nodes anew: same ids perhaps, but registered at other indexes. Indexes alone don't
 * tell where the new history has already come as far as the old. `known`: CreateIndex by id.
 */
function historyOf(known: ReadonlyMap<string, number>, now: readonly Node[]): 'same' | 'new' {
  if (known.size === 0 || now.length === 0) return 'same'
  return now.some(({ id, createIndex }) => known.get(id) === createIndex) ? 'same' : 'new'
}

/** The region of the agent that answers; undefined: it does not say, or the token may not ask. */
async function readRegion(client: NomadClient, signal: AbortSignal): Promise<string | undefined> {
  const answer = await client.get({ path: '/v1/agent/members', signal })
  const region = answer.ok ? (answer.body as { ServerRegion?: unknown } | null)?.ServerRegion : undefined
  return typeof region === 'string' && region !== '' ? region : undefined
}
