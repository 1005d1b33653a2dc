/**
 * Eureka's JSON (`GET /apps`, `GET /apps/delta`) to instances. Nothing in it is trusted: some versions give one object
 * where others give a list, numbers as text, and metadata is whatever an application put there.
 */

/** What Eureka's action in a delta says; in a full answer it is of no meaning. */
export type Action = 'ADDED' | 'MODIFIED' | 'DELETED'

/** Timestamps are ms of the server's clock, 0 where it gives none. */
export interface Lease {
  readonly duration: number
  readonly lastRenewal: number
  /** Made anew with each registration and by each server: the same one twice means the same server, not restarted. */
  readonly registered: number
}

/** What an instance says of itself: all that can change what it gives. */
export interface InstanceFacts {
  readonly id: string
  /** Upper case, as Eureka has it. */
  readonly app: string
  readonly hostName: string
  readonly ipAddr: string
  readonly status: string
  /** '' where there is none. */
  readonly override: string
  /** undefined: disabled. */
  readonly port?: number
  readonly securePort?: number
  readonly vips: readonly string[]
  readonly secureVips: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  /** Amazon's availability zone, where it runs there. */
  readonly amazonZone?: string
}

export interface Instance {
  /** `APP/instanceId`, unique on a server. */
  readonly key: string
  readonly facts: InstanceFacts
  readonly lease: Lease
  readonly action: Action
  /** When the server last changed it, ms of the server's clock: a server's caches may give an older word after a newer. */
  readonly updated: number
  /** When the instance last changed itself, ms of its own clock: the same on every server. */
  readonly dirty: number
}

export interface Applications {
  /** `UP_5_DOWN_1_` over everything the server knows; undefined where it sends none. */
  readonly hash: string | undefined
  readonly instances: readonly Instance[]
}

/** A string says why it is no list of applications. */
export function parseApplications(body: string): Applications | string {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch {
    return body.trim() === '' ? 'the answer is empty' : 'the answer is not JSON, or was cut off'
  }
  const applications = isObject(json) ? json.applications : undefined
  if (!isObject(applications)) return 'the answer has no "applications"'
  const hash = typeof applications.apps__hashcode === 'string' ? applications.apps__hashcode : undefined
  if (applications.application === undefined && hash !== '') return 'the answer has no list of applications'
  const instances = listOf(applications.application).flatMap((application) =>
    isObject(application)
      ? listOf(application.instance).flatMap((raw) => instanceOf(raw, text(application.name)))
      : [],
  )
  return { hash, instances }
}

function instanceOf(raw: unknown, appName: string): Instance[] {
  if (!isObject(raw)) return []
  const app = (text(raw.app) || appName).toUpperCase()
  const hostName = text(raw.hostName)
  const port = portOf(raw.port, true)
  const securePort = portOf(raw.securePort, false)
  const id = text(raw.instanceId) || `${hostName}:${app.toLowerCase()}:${port ?? securePort ?? ''}`
  const lease = isObject(raw.leaseInfo) ? raw.leaseInfo : {}
  const facts: InstanceFacts = {
    id,
    app,
    hostName,
    ipAddr: text(raw.ipAddr),
    status: text(raw.status).toUpperCase() || 'UNKNOWN',
    override: overrideOf(raw),
    port,
    securePort,
    vips: namesOf(raw.vipAddress),
    secureVips: namesOf(raw.secureVipAddress),
    metadata: metadataOf(raw.metadata),
    amazonZone: amazonZoneOf(raw.dataCenterInfo),
  }
  return [
    {
      key: `${app}/${id}`,
      facts,
      lease: {
        duration: number(lease.durationInSecs) * 1000,
        lastRenewal: number(lease.lastRenewalTimestamp),
        registered: number(lease.registrationTimestamp),
      },
      action: raw.actionType === 'DELETED' || raw.actionType === 'MODIFIED' ? raw.actionType : 'ADDED',
      updated: number(raw.lastUpdatedTimestamp),
      dirty: number(raw.lastDirtyTimestamp),
    },
  ]
}

/** Eureka wrote `overriddenstatus` before 1.9 and `overriddenStatus` since; UNKNOWN is none. */
function overrideOf(raw: Fields): string {
  const status = (text(raw.overriddenStatus) || text(raw.overriddenstatus)).toUpperCase()
  return status === 'UNKNOWN' ? '' : status
}

/** `{ "$": 8080, "@enabled": "true" }`, or a bare number. */
function portOf(raw: unknown, enabledByDefault: boolean): number | undefined {
  const enabled = isObject(raw) && raw['@enabled'] !== undefined ? raw['@enabled'] : enabledByDefault
  if (String(enabled) !== 'true') return undefined
  const port = number(isObject(raw) ? raw.$ : raw)
  return Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : undefined
}

/** An instance may stand under several names. */
const namesOf = (raw: unknown): readonly string[] => [
  ...new Set(
    text(raw)
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  ),
]

function metadataOf(raw: unknown): Readonly<Record<string, string>> {
  if (!isObject(raw)) return {}
  const known = Object.entries(raw).flatMap(([key, value]): [string, string][] =>
    // Jackson's note of the map's class.
    key === '@class' || value === null || typeof value === 'object' ? [] : [[key, String(value)]],
  )
  return Object.fromEntries(known)
}

function amazonZoneOf(raw: unknown): string | undefined {
  if (!isObject(raw) || raw.name !== 'Amazon' || !isObject(raw.metadata)) return undefined
  return text(raw.metadata['availability-zone']) || undefined
}

type Fields = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]
const text = (value: unknown): string =>
  typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : ''
const number = (value: unknown): number => {
  const parsed = typeof value === 'string' && value !== '' ? Number(value) : value
  return typeof parsed === 'number' && Number.isFinite(parsed) ? parsed : 0
}
