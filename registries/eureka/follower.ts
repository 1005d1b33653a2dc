/**
 * Follows Eureka: full first, then deltas, each proved by its hash; from server to server in their order, and back.
 * No timers and no sockets of its own.
 */
import type { PilotError } from '#model/issue.ts'
import type { Logger } from '#support/logger.ts'
import { type Answer, deltaAnswer, fullAnswer, refusesDelta } from './answers.ts'
import type { Ask } from './client.ts'
import type { Knowledge } from './knowledge.ts'
import { expiredLeases } from './lease.ts'
import type { EurekaServer } from './service-urls.ts'
import type { Applications } from './wire.ts'

/** A server remembers changes for 180 s (retentionTimeInMSInDeltaQueue), its caches may be 30 s behind. */
const DELTA_REACHES_BACK = 150_000
/** How often all is fetched for the leases alone. */
const LEASES = 150_000
/** How long a server is believed to have no deltas. */
const NO_DELTA = 600_000
/** While instances are missing: how often the other servers are asked for them. */
const SURVEY = 5_000
/** How often a server that is not the first in order looks for a better one. */
const RETURN = 300_000
/** Of a request that only looks around, ms. */
const GLANCE = 2_000

export type Look =
  | { readonly kind: 'heard' }
  | { readonly kind: 'failed'; readonly error: PilotError; readonly retryAfter?: number }

export interface Follower {
  /** One look; what it found is in the knowledge. */
  look(ask: Ask): Promise<Look>
  /** Asks other servers, if it is time to. */
  survey(ask: Ask): Promise<void>
  /** When to survey next, ms; undefined: no need. */
  surveyAt(): number | undefined
  /** Keys of instances whose lease ran out long ago. */
  expired(): ReadonlySet<string>
}

export interface FollowerOptions {
  readonly servers: readonly EurekaServer[]
  readonly disableDelta: boolean
  readonly leaseExpiry?: number
  readonly knowledge: Knowledge
  readonly now: () => number
  readonly log: Logger
}

interface Found {
  readonly server: EurekaServer
  readonly applications: Applications
  readonly date: number | undefined
}
type Failure = Extract<Answer, { kind: 'error' }>

export function createFollower(options: FollowerOptions): Follower {
  const { servers, knowledge, now, log, leaseExpiry } = options
  const noDelta = new Map<EurekaServer, number>()
  let current: EurekaServer | undefined
  let heardAt = Number.NEGATIVE_INFINITY
  let fullAt = Number.NEGATIVE_INFINITY
  let movedAt = Number.NEGATIVE_INFINITY
  let surveyedAt = Number.NEGATIVE_INFINITY
  let expired: ReadonlySet<string> = new Set()

  async function look(ask: Ask): Promise<Look> {
    const failures: Failure[] = []
    const before = current
    let skip: EurekaServer | undefined
    if (before && hasDelta(before) && now() - heardAt < DELTA_REACHES_BACK) {
      const answer = deltaAnswer(before, await ask(before, '/apps/delta'))
      if (answer.kind === 'applications' && takeDelta(answer)) {
        await lookAtLeases(before, ask)
        return { kind: 'heard' }
      }
      if (answer.kind === 'error' && !refusesDelta(answer)) {
        skip = before
        failures.push(answer)
      }
    }
    const order = before ? [before, ...servers.filter((server) => server !== before)] : servers
    const found = await findBest(
      order.filter((server) => server !== skip),
      ask,
      failures,
    )
    if (!found) return failed(failures)
    await adopt(found, ask, failures)
    return { kind: 'heard' }
  }

  /** The first server that leaves out nothing unproven, else the one that leaves out least. */
  async function findBest(order: readonly EurekaServer[], ask: Ask, failures: Failure[]) {
    let best: { readonly found: Found; readonly score: number } | undefined
    for (const server of order) {
      const answer = fullAnswer(server, await ask(server, '/apps'))
      if (answer.kind === 'error') {
        failures.push(answer)
        continue
      }
      const found = { server, ...answer }
      const score = scoreOf(found)
      if (!best || score < best.score) best = { found, score }
      if (score === 0) break
    }
    return best?.found
  }
  /** An empty answer is worth less than any other, also where nothing is known yet. */
  const scoreOf = ({ server, applications }: Found): number =>
    knowledge.unproven(server.url, applications) ||
    (applications.instances.length === 0 && !current ? 0.5 : 0)

  const hasDelta = (server: EurekaServer): boolean =>
    !options.disableDelta && now() >= (noDelta.get(server) ?? 0)

  function takeDelta({ applications, date }: Extract<Answer, { kind: 'applications' }>): boolean {
    if (!knowledge.delta(applications)) return false
    heardAt = now()
    if (expired.size > 0 && date !== undefined && leaseExpiry !== undefined) {
      const still = expiredLeases(applications.instances, date, leaseExpiry)
      const named = new Set(applications.instances.map(({ key }) => key))
      expired = new Set([...expired].filter((key) => !named.has(key) || still.has(key)))
    }
    return true
  }

  /** Heartbeats are no change and so in no delta; for the leases alone all is fetched now and then. */
  async function lookAtLeases(server: EurekaServer, ask: Ask): Promise<void> {
    if (leaseExpiry === undefined || now() - fullAt < LEASES) return
    fullAt = now()
    const answer = fullAnswer(server, await ask(server, '/apps'))
    if (answer.kind === 'applications') noteLeases(answer)
  }
  function noteLeases({ applications, date }: Pick<Found, 'applications' | 'date'>): void {
    if (leaseExpiry !== undefined) expired = expiredLeases(applications.instances, date ?? now(), leaseExpiry)
  }

  async function adopt(found: Found, ask: Ask, failures: readonly Failure[] = []): Promise<void> {
    const { server, applications } = found
    if (current && server !== current) {
      const why = failures.map(({ error }) => error.message).join(' ')
      log.warn({ from: current.url, to: server.url, why }, 'another Eureka server is asked')
    }
    const delta = hasDelta(server) ? deltaAnswer(server, await ask(server, '/apps/delta')) : undefined
    if (delta && refusesDelta(delta)) noDelta.set(server, now() + NO_DELTA)
    if (server !== current) movedAt = now()
    current = server
    heardAt = now()
    fullAt = now()
    const changes = delta?.kind === 'applications' ? delta.applications : undefined
    knowledge.full(server.url, { answer: applications, delta: changes, date: found.date }, now())
    noteLeases(found)
  }

  async function survey(ask: Ask): Promise<void> {
    const at = surveyAt()
    if (at === undefined || now() < at || !current) return
    surveyedAt = now()
    const doubt = knowledge.doubt() !== undefined
    const others = doubt ? servers.filter((server) => server !== current) : betterPlaced()
    for (const server of others) {
      const answer = fullAnswer(server, await ask(server, '/apps', GLANCE))
      if (answer.kind === 'error') continue
      const found = { server, ...answer }
      const score = scoreOf(found)
      if (doubt ? score >= knowledge.missed() : score > 0) continue
      await adopt(found, ask)
      return
    }
  }
  const betterPlaced = () => servers.slice(0, current ? servers.indexOf(current) : 0)

  function surveyAt(): number | undefined {
    if (servers.length === 1 || !current) return undefined
    if (knowledge.doubt()) return surveyedAt + SURVEY
    return betterPlaced().length > 0 ? Math.max(surveyedAt, movedAt) + RETURN : undefined
  }

  return { look, survey, surveyAt, expired: () => expired }
}

/** All servers failed: the first one's kind of error, everybody's words. */
function failed(failures: readonly Failure[]): Look {
  const [first] = failures
  const message = failures.map(({ error }) => error.message).join(' ')
  const waits = failures.map(({ retryAfter }) => retryAfter ?? 0)
  return { kind: 'failed', error: { ...first!.error, message }, retryAfter: Math.max(...waits) }
}
