/** Nomad's JSON as far as it is used (nomad/structs, 1.11). What is broken is left out and counted, never thrown. */

/** `/v1/service/:name`, and the payload of Service events. */
export interface Registration {
  readonly id: string
  readonly service: string
  readonly namespace: string
  readonly node: string
  readonly datacenter: string
  readonly job: string
  readonly alloc: string
  readonly tags: readonly string[]
  readonly address: string
  readonly port: number
  readonly modifyIndex: number
}

/** `/v1/allocations`, and the payload of Allocation events. */
export interface Allocation {
  readonly id: string
  readonly namespace: string
  /** `pending`, `running`, `unknown`, and the terminal `complete`, `failed`, `lost`. */
  readonly client: string
  /** `run`, `stop`, `evict`. */
  readonly desired: string
  /** It is to be moved away: the next thing that happens to it is its stop. */
  readonly migrate: boolean
  /** What its deployment thinks of it. */
  readonly healthy?: boolean
  readonly modifyIndex: number
}

/** `/v1/nodes`, and the payload of Node events. */
export interface Node {
  readonly id: string
  readonly name: string
  readonly class: string
  readonly pool: string
  readonly drain: boolean
  /** `initializing`, `ready`, `down`, `disconnected`. */
  readonly status: string
  readonly createIndex: number
}

export interface ServiceName {
  readonly namespace: string
  readonly name: string
}

export interface Parsed<T> {
  readonly values: readonly T[]
  /** Entries that were not understood. */
  readonly broken: number
}

type Fields = Readonly<Record<string, unknown>>
const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const count = (value: unknown): number => (Number.isSafeInteger(value) ? (value as number) : 0)
const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []

/** undefined: no list at all. */
function list<T>(body: unknown, parse: (fields: Fields) => T | undefined): Parsed<T> | undefined {
  if (!Array.isArray(body)) return undefined
  const values = body.flatMap((item) => {
    const fields = fieldsOf(item)
    return (fields && parse(fields)) ?? []
  })
  return { values: values as T[], broken: body.length - values.length }
}

/** `/v1/services`: lists by namespace. A namespace that is not understood makes the whole list so: who is missing is not gone. */
export function parseServiceNames(body: unknown): readonly ServiceName[] | undefined {
  if (!Array.isArray(body)) return undefined
  const names: ServiceName[] = []
  for (const item of body) {
    const { Namespace, Services } = fieldsOf(item) ?? {}
    if (typeof Namespace !== 'string' || !Array.isArray(Services)) return undefined
    for (const service of Services) {
      const name = fieldsOf(service)?.ServiceName
      if (typeof name !== 'string' || name === '') return undefined
      names.push({ namespace: Namespace, name })
    }
  }
  return names
}

export const parseRegistrations = (body: unknown): Parsed<Registration> | undefined =>
  list(body, parseRegistration)

export function parseRegistration(fields: Fields): Registration | undefined {
  const id = text(fields.ID)
  const service = text(fields.ServiceName)
  const namespace = text(fields.Namespace)
  if (id === '' || service === '' || namespace === '') return undefined
  return {
    id,
    service,
    namespace,
    node: text(fields.NodeID),
    datacenter: text(fields.Datacenter),
    job: text(fields.JobID),
    alloc: text(fields.AllocID),
    tags: texts(fields.Tags),
    address: text(fields.Address),
    port: count(fields.Port),
    modifyIndex: count(fields.ModifyIndex),
  }
}

export const parseAllocations = (body: unknown): Parsed<Allocation> | undefined => list(body, parseAllocation)

export function parseAllocation(fields: Fields): Allocation | undefined {
  const id = text(fields.ID)
  if (id === '') return undefined
  const healthy = fieldsOf(fields.DeploymentStatus)?.Healthy
  return {
    id,
    namespace: text(fields.Namespace),
    client: text(fields.ClientStatus),
    desired: text(fields.DesiredStatus),
    migrate: fieldsOf(fields.DesiredTransition)?.Migrate === true,
    ...(typeof healthy === 'boolean' ? { healthy } : {}),
    modifyIndex: count(fields.ModifyIndex),
  }
}

export const parseNodes = (body: unknown): Parsed<Node> | undefined => list(body, parseNode)

export function parseNode(fields: Fields): Node | undefined {
  const id = text(fields.ID)
  if (id === '') return undefined
  return {
    id,
    name: text(fields.Name),
    class: text(fields.NodeClass),
    pool: text(fields.NodePool),
    // Events have the strategy, lists the flag.
    drain: fields.Drain === true || fieldsOf(fields.DrainStrategy) !== undefined,
    status: text(fields.Status),
    createIndex: count(fields.CreateIndex),
  }
}

/** A node's metadata, from `/v1/node/:id` and Node events; undefined: not in it. */
export function parseMeta(body: unknown): Readonly<Record<string, string>> | undefined {
  const meta = fieldsOf(fieldsOf(body)?.Meta)
  if (!meta) return undefined
  return Object.fromEntries(
    Object.entries(meta).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

/** `/v1/deployments`: those that have found an allocation unhealthy. */
export const parseUnhealthyDeployments = (
  body: unknown,
): readonly { readonly id: string; readonly namespace: string }[] =>
  items(body)
    .filter(({ TaskGroups }) =>
      Object.values(fieldsOf(TaskGroups) ?? {}).some((group) => count(fieldsOf(group)?.UnhealthyAllocs) > 0),
    )
    .map(({ ID, Namespace }) => ({ id: text(ID), namespace: text(Namespace) }))

export type CheckStatus = 'success' | 'failure' | 'pending'

/** `/v1/client/allocation/:id/checks`: by service name, the worst of its checks. */
export function parseChecks(body: unknown): ReadonlyMap<string, CheckStatus> | undefined {
  const checks = fieldsOf(body)
  if (!checks) return undefined
  const worst = new Map<string, CheckStatus>()
  const order: readonly CheckStatus[] = ['success', 'pending', 'failure']
  for (const value of Object.values(checks)) {
    const { Service, Status } = fieldsOf(value) ?? {}
    const status = order.find((each) => each === Status)
    if (typeof Service !== 'string' || status === undefined) continue
    const before = worst.get(Service)
    if (before === undefined || order.indexOf(status) > order.indexOf(before)) worst.set(Service, status)
  }
  return worst
}

/** `/v1/job/:id`: the shortest interval of the checks of its services with Nomad's provider, ms; undefined: none. */
export function parseCheckInterval(body: unknown): number | undefined {
  let shortest: number | undefined
  for (const group of items(fieldsOf(body)?.TaskGroups))
    for (const service of [
      ...items(group.Services),
      ...items(group.Tasks).flatMap((t) => items(t.Services)),
    ]) {
      if (service.Provider !== 'nomad') continue
      for (const { Interval } of items(service.Checks))
        if (count(Interval) > 0)
          shortest = Math.min(shortest ?? Number.POSITIVE_INFINITY, count(Interval) / 1e6)
    }
  return shortest
}

const items = (value: unknown): readonly Fields[] =>
  Array.isArray(value)
    ? value.flatMap((item): readonly Fields[] => {
        const fields = fieldsOf(item)
        return fields ? [fields] : []
      })
    : []

/** One line of the event stream. */
export interface Events {
  /** 0: a heartbeat. */
  readonly index: number
  readonly services: readonly ServiceName[]
  readonly allocations: readonly Allocation[]
  readonly nodes: readonly { readonly node: Node; readonly meta?: Readonly<Record<string, string>> }[]
}

/** undefined: no line of an event stream. */
export function parseEvents(line: string): Events | undefined {
  let fields: Fields | undefined
  try {
    fields = fieldsOf(JSON.parse(line))
  } catch {
    return undefined
  }
  if (!fields) return undefined
  const services: ServiceName[] = []
  const allocations: Allocation[] = []
  const nodes: { node: Node; meta?: Readonly<Record<string, string>> }[] = []
  for (const event of items(fields.Events)) {
    const payload = fieldsOf(event.Payload) ?? {}
    const { Service, Allocation, Node } = payload
    const registration = fieldsOf(Service)
    if (registration && text(registration.ServiceName) !== '')
      services.push({ namespace: text(registration.Namespace), name: text(registration.ServiceName) })
    const allocation = fieldsOf(Allocation)
    const parsed = allocation && parseAllocation(allocation)
    if (parsed) allocations.push(parsed)
    const node = fieldsOf(Node)
    const known = node && parseNode(node)
    if (known) nodes.push({ node: known, meta: parseMeta(node) })
  }
  return { index: count(fields.Index), services, allocations, nodes }
}
