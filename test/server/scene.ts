/** A client on one of the server's streams, without a network and in virtual time. */
import assert from 'node:assert/strict'
import { silentLogger } from '#support/logger.ts'
import { makeResource } from '#xds/make-resource.ts'
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
  type ResourceError,
  ResourceSchema,
} from '#xds/proto/gen/envoy/service/discovery/v3/discovery_pb.js'
import { anyBytes, decode, encode, milliseconds, StringValueSchema, unpack } from '#xds/proto/index.ts'
import type { Resource } from '#xds/resources.ts'
import { noBodies } from '#xds/server/bodies.ts'
import { toBuffer } from '#xds/server/encode.ts'
import type { Message } from '#xds/server/grpc/call.ts'
import { defaultLimits } from '#xds/server/limits.ts'
import { createMemorySource, type MemoryOptions, type MemorySource } from '#xds/server/memory.ts'
import { createNameLists } from '#xds/server/name-lists.ts'
import type { TypeStatus } from '#xds/server/status.ts'
import { openStream } from '#xds/server/stream.ts'
import { shortName } from '#xds/type-urls.ts'

export type Protocol = 'sotw' | 'delta'

export const r = (typeUrl: string, name: string, value = '1'): Resource =>
  makeResource(typeUrl, name, anyBytes(StringValueSchema, { value }))

export interface Scene {
  readonly source: MemorySource
  /** Virtual time. */
  pass(ms: number): void
  /** When the stream asked to be woken; empty = never. */
  timers(): number[]
  request(typeUrl: string, fields?: object): void
  /** Takes (or refuses) the newest response of the type. */
  answer(typeUrl: string, error?: string): void
  /** What came since it was asked last: `eds: a=1 (ttl 1000) b (ttl 500) -c !d 5 why`, `b` without content. */
  said(...messages: string[]): void
  readonly bytes: Buffer[]
  /** What `said` looks at. */
  readonly log: string[]
  status(): readonly TypeStatus[]
}

/** Names in the first request, by protocol. */
export const subscribe: Record<Protocol, (...names: string[]) => object> = {
  sotw: (...resourceNames) => ({ resourceNames }),
  delta: (...resourceNamesSubscribe) => ({ resourceNamesSubscribe }),
}

/** An Envoy (or `node`) on an aggregated stream. */
export function scene(
  protocol: Protocol,
  { node = { userAgentName: 'envoy' }, ...options }: MemoryOptions & { readonly node?: object } = {},
): Scene {
  const source = createMemorySource(options)
  const log: string[] = []
  const bytes: Buffer[] = []
  const nonces = new Map<string, string>()
  /** State of the world repeats them in each request. */
  const wanted = new Map<string, object>()
  let clock = 0
  let timers: { at: number; work: () => void }[] = []
  const outlet = {
    peer: 'p',
    send(message: Message, taken: () => void) {
      bytes.push(toBuffer(message))
      const read = (protocol === 'sotw' ? readSotw : readDelta)(bytes.at(-1)!)
      nonces.set(read.typeUrl, read.nonce)
      log.push([`${shortName(read.typeUrl)}:`, ...read.items].join(' '))
      taken()
    },
    end: (_: unknown, text: string) => assert.fail(text),
    cut: () => {},
  }
  const wait = (ms: number, work: () => void): (() => void) => {
    const timer = { at: clock + ms, work }
    timers.push(timer)
    return () => {
      timers = timers.filter((each) => each !== timer)
    }
  }
  const stream = openStream('s', protocol, undefined, outlet, {
    ...{ source, log: silentLogger, now: () => clock, wait, limits: defaultLimits, observer: {} },
    shared: { bodies: noBodies, nameLists: createNameLists() },
    turns: { add: (work: () => void) => work() },
  })
  const request = (typeUrl: string, fields: object = {}): void => {
    const schema = protocol === 'sotw' ? DiscoveryRequestSchema : DeltaDiscoveryRequestSchema
    if ('resourceNames' in fields) wanted.set(typeUrl, { resourceNames: fields.resourceNames })
    const names = wanted.get(typeUrl)
    stream.receive(Buffer.from(encode(schema, { node: { id: 'n', ...node }, typeUrl, ...names, ...fields })))
  }
  return {
    source,
    bytes,
    log,
    status: () => stream.status().types,
    request,
    timers: () => timers.map(({ at }) => at),
    pass(ms) {
      const end = clock + ms
      for (let next = due(); next !== undefined; next = due()) {
        clock = Math.max(clock, next.at)
        timers = timers.filter((each) => each !== next)
        next.work()
      }
      clock = end
      function due() {
        return timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      }
    },
    answer(typeUrl, error) {
      const errorDetail = error === undefined ? {} : { errorDetail: { code: 13, message: error } }
      request(typeUrl, { responseNonce: nonces.get(typeUrl)!, ...errorDetail })
    },
    said: (...messages) => assert.deepEqual(log.splice(0), messages),
  }
}

const itemOf = (name: string, body: Uint8Array | undefined, ttl: number | undefined): string =>
  `${name}${body ? `=${decode(StringValueSchema, body).value}` : ''}${ttl === undefined ? '' : ` (ttl ${ttl})`}`

function readDelta(bytes: Buffer) {
  const message = decode(DeltaDiscoveryResponseSchema, bytes)
  const { typeUrl, nonce, resources, removedResources: removed, resourceErrors } = message
  const items = resources.map(({ name, resource, ttl }) =>
    itemOf(name, resource?.value, ttl && milliseconds(ttl)),
  )
  const gone = removed.map((name) => `-${name}`)
  return { typeUrl, nonce, items: [...items.sort(), ...gone, ...resourceErrors.map(errorOf)] }
}

/** Bare resources don't say their names. */
function readSotw(bytes: Buffer) {
  const { typeUrl, nonce, resources, resourceErrors } = decode(DiscoveryResponseSchema, bytes)
  const items = resources.map((any) => {
    const wrapped = unpack(ResourceSchema, any)
    if (wrapped === undefined) return itemOf('bare', any.value, undefined)
    return itemOf(wrapped.name, wrapped.resource?.value, wrapped.ttl && milliseconds(wrapped.ttl))
  })
  return { typeUrl, nonce, items: [...items.sort(), ...resourceErrors.map(errorOf)] }
}

const errorOf = ({ resourceName, errorDetail }: ResourceError): string =>
  `!${resourceName?.name} ${errorDetail?.code} ${errorDetail?.message}`
