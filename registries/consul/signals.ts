/** What the answers of the blocking queries say of which services changed. Pure. */
import type { WireCheck, WireNode } from './wire.ts'

/** Tags by service name. */
export type Listed = ReadonlyMap<string, string>

/** Names that are new, gone, or have other tags. */
export function changedNames(before: Listed, now: Listed): string[] {
  const names: string[] = []
  for (const [name, tags] of now) if (before.get(name) !== tags) names.push(name)
  for (const name of before.keys()) if (!now.has(name)) names.push(name)
  return names
}

export interface Nodes {
  /** What endpoints take from a node, as text, by its name. */
  readonly content: ReadonlyMap<string, string>
  /** What stays the same as long as the catalogue has one history. */
  readonly identities: ReadonlySet<string>
}

export function toNodes(list: readonly WireNode[]): Nodes {
  const content = new Map<string, string>()
  const identities = new Set<string>()
  for (const { ID, Node, Address, TaggedAddresses, Meta, Locality, CreateIndex } of list) {
    content.set(Node, JSON.stringify([Address, TaggedAddresses, Meta, Locality]))
    identities.add(ID ? ID : `${Node} ${CreateIndex}`)
  }
  return { content, identities }
}

/** Nodes that say something else, or are gone. New ones come with services of their own. */
export const changedNodes = (before: Nodes, now: Nodes): string[] =>
  [...before.content].flatMap(([node, content]) => (now.content.get(node) === content ? [] : [node]))

/** None of the nodes is left: a server without its data, or another cluster. */
export const isNewHistory = (before: Nodes, now: Nodes): boolean =>
  before.identities.size > 0 && ![...before.identities].some((id) => now.identities.has(id))

/** Checks of one status: the service that each is of ('' = the whole node), by node and id. */
export type Checks = ReadonlyMap<string, WireCheck>

export const toChecks = (list: readonly WireCheck[]): Checks =>
  new Map(list.map((check) => [`${check.Node}\0${check.CheckID}`, check]))

export interface Touched {
  readonly services: ReadonlySet<string>
  readonly nodes: ReadonlySet<string>
}

/** What has come into a status or left it. A check whose output changed is none of it. */
export function changedChecks(before: Checks, now: Checks): Touched {
  const services = new Set<string>()
  const nodes = new Set<string>()
  const touch = ({ ServiceName, Node }: WireCheck) => {
    if (ServiceName) services.add(ServiceName)
    else if (Node) nodes.add(Node)
  }
  for (const [key, check] of now) if (before.get(key)?.ServiceName !== check.ServiceName) touch(check)
  for (const [key, check] of before) if (now.get(key)?.ServiceName !== check.ServiceName) touch(check)
  return { services, nodes }
}
