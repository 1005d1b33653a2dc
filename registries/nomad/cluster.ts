/** Which cluster this is: its nodes, and whether its history is the one that was known. */
import type { PilotError } from '#model/issue.ts'
import { registryError } from '../trouble.ts'
import type { NomadClient } from './api.ts'
import { type Node, parseNodes } from './wire.ts'

export interface Nodes {
  readonly list: readonly Node[]
  /** The token may not read them. */
  readonly denied: boolean
}

export async function readNodes(client: NomadClient, signal: AbortSignal): Promise<Nodes | PilotError> {
  const answer = await client.get({ path: '/v1/nodes', signal })
  if (!answer.ok) return answer.status === 403 ? { list: [], denied: true } : answer.error
  const found = parseNodes(answer.body)
  if (found) return { list: found.values, denied: false }
  return registryError('PH3005', `${client.place}/v1/nodes: the answer is no list of nodes.`)
}

/**
 * A server without its data has the nodes anew: same ids perhaps, but registered at other indexes. Indexes alone don't
 * tell where the new history has already come as far as the old. `known`: CreateIndex by id.
 */
export function historyOf(known: ReadonlyMap<string, number>, now: readonly Node[]): 'same' | 'new' {
  if (known.size === 0 || now.length === 0) return 'same'
  return now.some(({ id, createIndex }) => known.get(id) === createIndex) ? 'same' : 'new'
}

/** The region of the agent that answers; undefined: it does not say, or the token may not ask. */
export async function readRegion(client: NomadClient, signal: AbortSignal): Promise<string | undefined> {
  const answer = await client.get({ path: '/v1/agent/members', signal })
  const region = answer.ok ? (answer.body as { ServerRegion?: unknown } | null)?.ServerRegion : undefined
  return typeof region === 'string' && region !== '' ? region : undefined
}
