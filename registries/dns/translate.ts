/** What is known of a name's records to a service. Pure. */
import type { PilotError } from '#model/issue.ts'
import type { Endpoint, Service } from '#model/service.ts'
import { servicePort, servicePortNumber } from '../service-port.ts'
import type { RecordSet } from './answer.ts'
import type { Question, SrvData } from './message.ts'
import type { DnsName } from './options.ts'
import type { QuestionState } from './question.ts'

/** What has been found out about a question so far; undefined: it has not been asked. */
export type StateOf = (question: Question) => QuestionState | undefined

export interface NameState {
  /** `none`: the name has no records; undefined: it can't be told yet. */
  readonly service?: Service | 'none'
  /** A question of it is in trouble, its first one or (`whole` is false) only one that follows from it. */
  readonly trouble?: { readonly error: PilotError; readonly since: number; readonly whole: boolean }
}

/** The questions that must be asked for a name, as far as is known by now. */
export function questionsOf(name: DnsName, stateOf: StateOf): readonly Question[] {
  const roots = rootsOf(name)
  if (name.type !== 'SRV') return roots
  const known = stateOf(roots[0]!)?.known
  const targets = known === undefined || known === 'none' ? [] : targetsOf(known)
  return [...roots, ...targets.flatMap((target) => addressQuestions(target, stateOf))]
}

const rootsOf = ({ name, type }: DnsName): readonly Question[] =>
  type === 'A+AAAA'
    ? [
        { name, type: 'A' },
        { name, type: 'AAAA' },
      ]
    : [{ name, type }]

const targetsOf = (set: RecordSet): readonly string[] => [
  ...new Set(set.services.map(({ target }) => target).filter((target) => target !== '')),
]

/** IPv6 only where there is no IPv4: one host must not count twice. */
const addressQuestions = (target: string, stateOf: StateOf): readonly Question[] =>
  stateOf({ name: target, type: 'A' })?.known === 'none'
    ? [
        { name: target, type: 'A' },
        { name: target, type: 'AAAA' },
      ]
    : [{ name: target, type: 'A' }]

/** `told`: the service as it was told last, which stays while what follows is not known. */
export function nameState(
  name: DnsName,
  entry: string | undefined,
  registry: string,
  stateOf: StateOf,
  told: Service | undefined,
): NameState {
  const trouble = troubleOf(name, stateOf)
  const service = serviceOf(name, entry, registry, stateOf, told)
  return { ...(service && { service }), ...(trouble && { trouble }) }
}

function troubleOf(name: DnsName, stateOf: StateOf): NameState['trouble'] {
  const troubles = (questions: readonly Question[]) =>
    questions.flatMap((each) => stateOf(each)?.trouble ?? [])
  const roots = rootsOf(name)
  const ofRoots = troubles(roots)
  const [first, ...others] = troubles(questionsOf(name, stateOf))
  if (!first) return undefined
  const since = Math.min(first.since, ...others.map((each) => each.since))
  return { error: first.error, since, whole: ofRoots.length === roots.length }
}

function serviceOf(
  name: DnsName,
  entry: string | undefined,
  registry: string,
  stateOf: StateOf,
  told: Service | undefined,
): NameState['service'] {
  const roots = rootsOf(name).map((question) => stateOf(question))
  const sets = roots.flatMap((state) => (state?.known && state.known !== 'none' ? [state.known] : []))
  if (sets.length === 0) return roots.every((state) => state?.known === 'none') ? 'none' : told
  const questions = questionsOf(name, stateOf).map((question) => stateOf(question))
  const waiting = questions.some((state) => state?.known === undefined && !state?.trouble)
  if (waiting) return told
  const make = name.type === 'SRV' ? srvEndpoints(sets[0]!, stateOf) : addressEndpoints(sets)
  const service = toService(name, entry, registry, make)
  // New targets whose addresses can't be had don't push out those that work.
  const failing = questions.some((state) => state?.known === undefined)
  return failing && service.endpoints.length === 0 ? told : service
}

interface Made {
  readonly address: string
  readonly port?: number
  readonly weight: number
  readonly health: Endpoint['health']
  /** Where the address came from. */
  readonly object: string
}

const addressEndpoints = (sets: readonly RecordSet[]): readonly Made[] =>
  sets.flatMap(({ question, addresses }) =>
    addresses.map((address) => ({
      address,
      weight: 1,
      health: 'HEALTHY' as const,
      object: `${question.type}/${question.name}`,
    })),
  )

/**
 * RFC 2782: only targets of the lowest priority are used while they can be, so the others are DEGRADED. A target's weight
 * is shared by its addresses; weight 0, "hardly ever", becomes 1.
 */
function srvEndpoints(set: RecordSet, stateOf: StateOf): readonly Made[] {
  const lowest = Math.min(...set.services.map(({ priority }) => priority))
  const found = set.services
    .filter(({ port, target }) => port > 0 && target !== '')
    .map((srv) => ({ srv, addresses: addressesOf(srv, stateOf) }))
    .filter(({ addresses }) => addresses.length > 0)
  const unit = leastCommonMultiple(found.map(({ addresses }) => addresses.length))
  const made = new Map<string, Made>()
  for (const { srv, addresses } of found) {
    const health = srv.priority === lowest ? 'HEALTHY' : 'DEGRADED'
    const weight = (Math.max(srv.weight, 1) * unit) / addresses.length
    for (const address of addresses) {
      const key = `${address} ${srv.port}`
      // By order of priority: of two records for one place the first counts.
      if (!made.has(key))
        made.set(key, {
          address,
          port: srv.port,
          weight,
          health,
          object: `SRV/${set.question.name}/${srv.target}:${srv.port}`,
        })
    }
  }
  return [...made.values()]
}

function addressesOf({ target }: SrvData, stateOf: StateOf): readonly string[] {
  for (const type of ['A', 'AAAA'] as const) {
    const known = stateOf({ name: target, type })?.known
    if (known !== undefined && known !== 'none') return known.addresses
  }
  return []
}

/** Weights stay whole and small: beyond 1,000 the shares are near enough. */
function leastCommonMultiple(counts: readonly number[]): number {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))
  return counts.reduce((unit, count) => Math.min((unit * count) / gcd(unit, count), 1_000), 1)
}

function toService(
  name: DnsName,
  entry: string | undefined,
  registry: string,
  made: readonly Made[],
): Service {
  const ports = made.flatMap(({ port }) => port ?? [])
  const port = servicePort(servicePortNumber(ports, name.port), name.protocol)
  const endpoints = made.map(
    ({ address, port: own, weight, health, object }): Endpoint => ({
      address,
      ports: own === undefined ? {} : { [port.name]: own },
      health,
      weight: Math.max(1, Math.round(weight)),
      labels: name.labels,
      network: '',
      serviceAccount: '',
      workload: '',
      registry,
      origin: { source: registry, object },
    }),
  )
  return {
    hostname: name.hostname,
    namespace: name.namespace,
    ...(entry !== undefined && { entry }),
    ports: [port],
    addresses: [],
    resolution: 'STATIC',
    location: name.location,
    exportTo: ['*'],
    subjectAltNames: [],
    labels: name.labels,
    headless: false,
    endpoints,
    origin: { source: registry, object: `${name.type}/${name.name}` },
  }
}
