/**
 * Consul's JSON, read with distrust: https://developer.hashicorp.com/consul/api-docs/health and …/catalog. A reader gives
 * undefined where the text is not what it says it is; single entries that make no sense are left out and counted.
 */

export interface WireTagged {
  readonly Address?: string
  readonly Port?: number
}
export interface WireLocality {
  readonly Region?: string
  readonly Zone?: string
}
export interface WireNode {
  readonly ID?: string
  readonly Node: string
  readonly Address?: string
  readonly Datacenter?: string
  readonly TaggedAddresses?: Readonly<Record<string, string>> | null
  readonly Meta?: Readonly<Record<string, string>> | null
  readonly Locality?: WireLocality | null
  readonly CreateIndex?: number
  readonly ModifyIndex?: number
}
export interface WireService {
  /** Absent or '' is a service; else `connect-proxy`, `mesh-gateway`, … */
  readonly Kind?: string
  readonly ID: string
  readonly Service: string
  readonly Tags?: readonly string[] | null
  readonly Address?: string
  readonly Port?: number
  /** Consul 1.22: several ports, of which one is the default. */
  readonly Ports?:
    | readonly { readonly Name: string; readonly Port: number; readonly Default?: boolean }[]
    | null
  readonly TaggedAddresses?: Readonly<Record<string, WireTagged>> | null
  readonly Meta?: Readonly<Record<string, string>> | null
  readonly Weights?: { readonly Passing?: number; readonly Warning?: number } | null
  readonly Locality?: WireLocality | null
}
export interface WireCheck {
  readonly Node?: string
  readonly CheckID?: string
  readonly Status?: string
  readonly ServiceID?: string
  readonly ServiceName?: string
}
export interface WireEntry {
  readonly Node: WireNode
  readonly Service: WireService
  readonly Checks: readonly WireCheck[]
}

export interface Read<T> {
  readonly values: readonly T[]
  /** Entries that made no sense. */
  readonly broken: number
}

/** `/health/service/NAME`; undefined: no list. */
export const readEntries = (text: string): Read<WireEntry> | undefined =>
  readList(text, (value) => {
    const { Node, Service, Checks } = value
    if (!isNode(Node) || !isObject(Service)) return undefined
    if (!isText(Service.ID) || Service.ID === '' || !isText(Service.Service)) return undefined
    return { Node, Service: tidy(Service) as unknown as WireService, Checks: objects(Checks) }
  })

/** `/health/state/STATUS` */
export const readChecks = (text: string): Read<WireCheck> | undefined =>
  readList(text, (value) => (isText(value.CheckID) && isText(value.Node) ? (value as WireCheck) : undefined))

/** `/catalog/nodes` */
export const readNodes = (text: string): Read<WireNode> | undefined =>
  readList(text, (value) => (isNode(value) ? value : undefined))

/** `/catalog/services`: tags by name. */
export function readServices(text: string): ReadonlyMap<string, string> | undefined {
  const value = parse(text)
  if (!isObject(value)) return undefined
  return new Map(
    Object.entries(value)
      .filter(([name]) => name !== '')
      .map(([name, tags]) => [name, Array.isArray(tags) ? [...tags].sort().join('\0') : '']),
  )
}

export interface WireSummary {
  readonly Name: string
  readonly InstanceCount: number
  readonly Nodes: readonly string[]
}

/** `/internal/ui/services` */
export const readSummaries = (text: string): Read<WireSummary> | undefined =>
  readList(text, ({ Name, InstanceCount, Nodes }) =>
    isText(Name) && typeof InstanceCount === 'number'
      ? { Name, InstanceCount, Nodes: texts(Nodes) }
      : undefined,
  )

/** Flags of the keys that Consul's own locks and semaphores write (api.LockFlagValue, api.SemaphoreFlagValue). */
const LOCK_FLAGS: ReadonlySet<unknown> = new Set([0x2ddccbc058a50c18n, 0xe0f69a2baa414de0n].map(Number))

export interface WireKey {
  readonly key: string
  readonly value: string
  readonly version: number
}

/** `/kv/PREFIX?recurse`, in the order of the keys: without folders, and without locks, which are no content. */
export function readKv(text: string): readonly WireKey[] | undefined {
  const list = parse(text)
  if (!Array.isArray(list)) return undefined
  return list.flatMap((item) => {
    if (!isObject(item) || !isText(item.Key) || !isText(item.Value)) return []
    const { Key: key, Value, Flags, ModifyIndex } = item
    if (key.endsWith('/') || /(?:^|[/.])\.?lock$/.test(key) || LOCK_FLAGS.has(Flags)) return []
    return [{ key, value: Buffer.from(Value, 'base64').toString('utf8'), version: Number(ModifyIndex) }]
  })
}

type Fields = Readonly<Record<string, unknown>>

function readList<T>(text: string, read: (value: Fields) => T | undefined): Read<T> | undefined {
  const list = parse(text)
  if (!Array.isArray(list)) return undefined
  const values: T[] = []
  for (const item of list) {
    const value = isObject(item) ? read(item) : undefined
    if (value !== undefined) values.push(value)
  }
  return { values, broken: list.length - values.length }
}

/** Fields of a wrong type are as if they were not there. */
function tidy(service: Fields): Fields {
  const { Tags, Meta, TaggedAddresses, Weights, Locality, Ports, Address, Port, Kind } = service
  return {
    ID: service.ID,
    Service: service.Service,
    Tags: texts(Tags),
    ...(isText(Kind) && { Kind }),
    ...(isText(Address) && { Address }),
    ...(typeof Port === 'number' && { Port }),
    Meta: textFields(Meta),
    ...(isObject(TaggedAddresses) && { TaggedAddresses }),
    ...(isObject(Weights) && { Weights }),
    ...(isObject(Locality) && { Locality }),
    Ports: objects(Ports),
  }
}

const isNode = (value: unknown): value is WireNode =>
  isObject(value) && isText(value.Node) && value.Node !== ''
const isText = (value: unknown): value is string => typeof value === 'string'
const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const objects = (value: unknown): readonly object[] => (Array.isArray(value) ? value.filter(isObject) : [])
export const texts = (value: unknown): readonly string[] => (Array.isArray(value) ? value.filter(isText) : [])
export const textFields = (value: unknown): Readonly<Record<string, string>> =>
  isObject(value)
    ? Object.fromEntries(Object.entries(value).filter((field): field is [string, string] => isText(field[1])))
    : {}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
