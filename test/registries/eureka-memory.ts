/** Eureka servers in memory, and what follows them. */
import { reconcileHash } from '#registries/eureka/catalogue.ts'
import type { Ask, Reply } from '#registries/eureka/client.ts'
import { createFollower, type FollowerOptions } from '#registries/eureka/follower.ts'
import { createKnowledge } from '#registries/eureka/knowledge.ts'
import { type Applications, parseApplications } from '#registries/eureka/wire.ts'
import { silentLogger } from '#support/logger.ts'
import { rawInstance } from './eureka-server.ts'

type Raw = Record<string, unknown> & { readonly instanceId: string }
type Answer = () => Reply

const answerOf = (date: number, list: readonly Raw[], hashOf = list): Reply => {
  const body = (hash: string) =>
    JSON.stringify({ applications: { apps__hashcode: hash, application: [{ instance: list }] } })
  const all = parseApplications(JSON.stringify({ applications: { application: [{ instance: hashOf }] } }))
  return {
    kind: 'answer',
    status: 200,
    body: body(reconcileHash((all as Applications).instances)),
    date,
  }
}
export const status = (code: number): Reply => ({ kind: 'answer', status: code, body: '' })
export const GONE: Reply = { kind: 'failed', error: new Error('connect ECONNREFUSED') }

/** A Eureka server in memory; `lived` keeps its registration times apart from those of others. */
function memoryServer(lived: number) {
  const instances = new Map<string, Raw>()
  let changes: Raw[] = []
  let time = lived
  const server = {
    asked: [] as string[],
    /** Its clock: just after what it did. */
    date: lived + 1000,
    /** Instead of what it would answer. */
    instead: {} as { apps?: Answer; delta?: Answer },
    put(address: string, more: Record<string, unknown> = {}) {
      const known = instances.get(address)
      const at = ++time
      const raw = rawInstance({ app: 'a', address, more: { lastUpdatedTimestamp: at, ...more } }, at) as Raw
      const next = known ? { ...raw, leaseInfo: known.leaseInfo, actionType: 'MODIFIED' } : raw
      instances.set(address, next)
      changes.push(next)
    },
    remove(address: string, more: Record<string, unknown> = {}) {
      changes.push({
        ...instances.get(address)!,
        lastUpdatedTimestamp: ++time,
        actionType: 'DELETED',
        ...more,
      })
      instances.delete(address)
    },
    has: (address: string) => instances.has(address),
    addresses: () => [...instances.keys()].sort().join(' '),
    forget: () => {
      changes = []
    },
    restart() {
      instances.clear()
      changes = []
    },
    apps: () => answerOf(server.date, [...instances.values()]),
    delta: () => answerOf(server.date, changes, [...instances.values()]),
    ask(path: string): Reply {
      server.asked.push(path)
      return path === '/apps'
        ? (server.instead.apps ?? server.apps)()
        : (server.instead.delta ?? server.delta)()
    },
  }
  return server
}

/** A follower of so many servers in memory, in virtual time. */
export function followed(more: Partial<FollowerOptions> = {}, count = 1) {
  const servers = Array.from({ length: count }, (_, i) => ({ url: `http://s${i}/eureka` }))
  const memory = servers.map((_, i) => memoryServer((i + 1) * 1_000_000))
  let time = 10_000_000
  const knowledge = createKnowledge(300_000)
  const follower = createFollower({
    servers,
    disableDelta: false,
    knowledge,
    now: () => time,
    log: silentLogger,
    ...more,
  })
  const ask: Ask = async (server, path) => memory[servers.indexOf(server)]!.ask(path)
  return {
    memory,
    /** The first of them. */
    one: memory[0]!,
    knowledge,
    follower,
    /** After `seconds`. */
    async look(seconds = 30) {
      time += seconds * 1000
      const look = await follower.look(ask)
      knowledge.tick(time)
      return look.kind
    },
    async survey(seconds: number) {
      time += seconds * 1000
      await follower.survey(ask)
    },
    /** Addresses, the missing ones with a question mark. */
    known: () =>
      [...knowledge.all()]
        .map(({ key, facts }) => (knowledge.missing().has(key) ? `${facts.ipAddr}?` : facts.ipAddr))
        .sort()
        .join(' '),
    /** What was asked since the last call, by server. */
    asked: () => memory.map((server) => server.asked.splice(0).join(' ')),
  }
}
