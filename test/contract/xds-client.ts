/**
 * A model of an xDS client, for all four variants of the protocol, on top of the server's streams without any
 * network. It keeps what it was sent as a client must, and takes or refuses each response when told to.
 */
import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { type Logger, silentLogger } from '#support/logger.ts'
import { makeResource } from '#xds/make-resource.ts'
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '#xds/proto/gen/envoy/service/discovery/v3/discovery_pb.js'
import { anyBytes, decode, encode, StringValueSchema } from '#xds/proto/index.ts'
import type { Resource, ResourceSource, TypeUrl } from '#xds/resources.ts'
import { noBodies } from '#xds/server/bodies.ts'
import { toBuffer } from '#xds/server/encode.ts'
import type { Message as Sent } from '#xds/server/grpc/call.ts'
import { defaultLimits } from '#xds/server/limits.ts'
import { createNameLists } from '#xds/server/name-lists.ts'
import type { StreamStatus, TypeStatus } from '#xds/server/status.ts'
import { openStream, type XdsStream } from '#xds/server/stream.ts'
import { shortName, typeUrls } from '#xds/type-urls.ts'
import { collectionOf } from '#xds/xdstp.ts'

export interface Variant {
  readonly protocol: 'sotw' | 'delta'
  readonly aggregated: boolean
}

export const variants: readonly Variant[] = [
  { protocol: 'sotw', aggregated: true },
  { protocol: 'sotw', aggregated: false },
  { protocol: 'delta', aggregated: true },
  { protocol: 'delta', aggregated: false },
]

export const variantName = ({ protocol, aggregated }: Variant): string =>
  `${protocol}, ${aggregated ? 'aggregated' : 'separate'}`

/** A resource whose bytes say its name, so that it can be read out of any response. */
export const r = (
  typeUrl: TypeUrl,
  name: string,
  content: string,
  children: readonly string[] = [],
): Resource =>
  makeResource(typeUrl, name, anyBytes(StringValueSchema, { value: `${name}=${content}` }), children)

/** A response as it came; `names` sorted, with their content. */
export interface Message {
  readonly typeUrl: TypeUrl
  readonly nonce: string
  readonly version: string
  readonly contents: ReadonlyMap<string, string>
  readonly removed: readonly string[]
}

/** One subscription of the client. */
interface Wants {
  wildcard: boolean
  /** All by an empty list, as Envoy asks. */
  legacy?: boolean
  readonly names: Set<string>
  readonly held: Map<string, string>
  nonce: string
  version: string
}

/** Named, or in what was subscribed as a whole. */
export const isWanted = ({ wildcard, names }: Pick<Wants, 'wildcard' | 'names'>, name: string): boolean =>
  wildcard || names.has(name) || names.has(collectionOf(name) ?? '')

export interface ClientOptions {
  readonly node?: string
  readonly now?: () => number
  readonly wait?: (ms: number, work: () => void) => () => void
  /** Messages are taken by the transport only by `drainTransport`. */
  readonly slow?: boolean
  /** The server's. */
  readonly logger?: Logger
}

export interface TestClient {
  readonly wants: Map<TypeUrl, Wants>
  /** Messages that were neither taken nor refused yet. */
  readonly inbox: Message[]
  /** All messages ever, as `cds: a b -c`. */
  readonly log: string[]
  subscribe(typeUrl: TypeUrl, ...names: string[]): void
  /** The first request, without any names. */
  subscribeLegacy(typeUrl: TypeUrl): void
  unsubscribe(typeUrl: TypeUrl, ...names: string[]): void
  /** Takes the oldest message of the inbox. */
  ack(): void
  /** Refuses it; nothing of it is applied. */
  nack(text: string): void
  ackAll(): void
  /** A raw request on the stream of the type. */
  raw(typeUrl: TypeUrl, fields: object): void
  reconnect(): void
  close(): void
  status(typeUrl: TypeUrl): TypeStatus | undefined
  streams(): StreamStatus[]
  heldByServer(typeUrl: TypeUrl): string[]
  drainTransport(): void
  readonly failures: string[]
  /** Changed clusters and listeners that have got nothing new of their (one) child since. */
  readonly warming: Map<TypeUrl, Set<string>>
}

export function createClient(
  variant: Variant,
  source: ResourceSource,
  options: ClientOptions = {},
): TestClient {
  const { node = 'n1', now = () => 0, wait = () => () => {}, slow = false, logger = silentLogger } = options
  const sotw = variant.protocol === 'sotw'
  const wants = new Map<TypeUrl, Wants>()
  const inbox: Message[] = []
  const log: string[] = []
  const failures: string[] = []
  let streams = new Map<TypeUrl, XdsStream>()
  let greeted = new Set<XdsStream>()
  let untaken: (() => void)[] = []
  let streamCount = 0

  function streamOf(typeUrl: TypeUrl): XdsStream {
    const key = variant.aggregated ? '' : typeUrl
    let stream = streams.get(key)
    if (stream === undefined) {
      const only = variant.aggregated ? undefined : typeUrl
      let alive = true
      const outlet = {
        peer: '127.0.0.1:1',
        send: (message: Sent, taken: () => void) => {
          if (alive) receive(parse(toBuffer(message)))
          if (slow) untaken.push(taken)
          else taken()
        },
        end: (code: status, text: string) => {
          alive = false
          failures.push(`${status[code]}: ${text}`)
        },
        cut: () => {},
      }
      const deps = {
        ...{ source, log: logger, now, wait, limits: defaultLimits, observer: {} },
        shared: { bodies: noBodies, nameLists: createNameLists() },
        turns: { add: (work: () => void) => work() },
      }
      const id = `${node}.${++streamCount}`
      stream = openStream(id, variant.protocol, only, outlet, deps)
      const opened = stream
      const closed = stream.closed
      stream = {
        ...opened,
        closed: () => {
          alive = false
          closed()
        },
      }
      streams.set(key, stream)
    }
    return stream
  }

  function raw(typeUrl: TypeUrl, fields: object): void {
    const stream = streamOf(typeUrl)
    const first = greeted.has(stream) ? {} : { node: { id: node } }
    greeted.add(stream)
    const type = variant.aggregated ? { typeUrl } : {}
    const schema = sotw ? DiscoveryRequestSchema : DeltaDiscoveryRequestSchema
    stream.receive(Buffer.from(encode(schema, { ...first, ...type, ...fields })))
  }

  function receive(message: Message): void {
    const names = [...message.contents.keys(), ...message.removed.map((name) => `-${name}`)]
    log.push([`${shortName(message.typeUrl)}:`, ...names.sort(byName)].join(' '))
    assert.equal(new Set(names).size, names.length, `a name twice in ${log.at(-1)}`)
    assert.ok(
      !inbox.some(({ typeUrl }) => typeUrl === message.typeUrl),
      `two responses in flight: ${message.typeUrl}`,
    )
    inbox.push(message)
  }

  const warming = new Map(
    [typeUrls.cluster, typeUrls.listener].map((typeUrl) => [typeUrl, new Set<string>()]),
  )

  function warm({ typeUrl, contents, removed }: Message, held: ReadonlyMap<string, string>): void {
    const parent =
      typeUrl === typeUrls.endpoint ? typeUrls.cluster : typeUrl === typeUrls.route ? typeUrls.listener : ''
    for (const name of [...contents.keys(), ...removed]) warming.get(parent)?.delete(name)
    for (const [name, content] of contents) if (held.get(name) !== content) warming.get(typeUrl)?.add(name)
    for (const name of removed) warming.get(typeUrl)?.delete(name)
  }

  /** What a client of the protocol makes of a response. */
  function apply(message: Message): void {
    const { typeUrl, contents, removed } = message
    const want = wants.get(typeUrl)!
    const { held } = want
    warm(message, held)
    if (sotw && (typeUrl === typeUrls.cluster || typeUrl === typeUrls.listener)) held.clear()
    for (const [name, content] of contents) if (isWanted(want, name)) held.set(name, content)
    for (const name of removed) held.delete(name)
  }

  const listOf = ({ wildcard, legacy, names }: Wants): string[] =>
    wildcard && !(legacy && names.size === 0) ? ['*', ...names] : [...names]

  function answer(message: Message, error?: { code: number; message: string }): void {
    const want = wants.get(message.typeUrl)!
    want.nonce = message.nonce
    if (error === undefined) want.version = message.version
    const errorDetail = error && { errorDetail: error }
    if (!sotw) raw(message.typeUrl, { responseNonce: message.nonce, ...errorDetail })
    else {
      const resourceNames = listOf(want)
      raw(message.typeUrl, {
        responseNonce: message.nonce,
        versionInfo: want.version,
        resourceNames,
        ...errorDetail,
      })
    }
  }

  function open(typeUrl: TypeUrl, want: Wants): void {
    if (sotw) raw(typeUrl, { resourceNames: listOf(want), versionInfo: want.version })
    else {
      const initialResourceVersions = Object.fromEntries(
        [...want.held].map(([name, content]) => [name, r(typeUrl, name, content).version]),
      )
      raw(typeUrl, { resourceNamesSubscribe: listOf(want), initialResourceVersions })
    }
  }

  function change(typeUrl: TypeUrl, subscribe: string[], unsubscribe: string[]): void {
    const known = wants.get(typeUrl)
    const want = known ?? { wildcard: false, names: new Set(), held: new Map(), nonce: '', version: '' }
    wants.set(typeUrl, want)
    for (const name of subscribe) {
      if (name === '*') want.wildcard = true
      else want.names.add(name)
    }
    for (const name of unsubscribe) {
      if (name === '*') want.wildcard = false
      else want.names.delete(name)
    }
    // With "*" or a collection the server says what becomes of a name; without, the client forgets it.
    for (const name of want.held.keys()) if (!isWanted(want, name)) want.held.delete(name)
    if (known === undefined) open(typeUrl, want)
    else if (sotw) {
      raw(typeUrl, { resourceNames: listOf(want), responseNonce: want.nonce, versionInfo: want.version })
    } else raw(typeUrl, { resourceNamesSubscribe: subscribe, resourceNamesUnsubscribe: unsubscribe })
  }

  function close(): void {
    for (const stream of streams.values()) stream.closed()
    streams = new Map()
    greeted = new Set()
    untaken = []
    inbox.length = 0
  }

  const client: TestClient = {
    wants,
    inbox,
    log,
    failures,
    warming,
    raw,
    close,
    subscribe: (typeUrl, ...names) => change(typeUrl, names, []),
    subscribeLegacy(typeUrl) {
      const want = {
        wildcard: true,
        legacy: true,
        names: new Set<string>(),
        held: new Map(),
        nonce: '',
        version: '',
      }
      wants.set(typeUrl, want)
      open(typeUrl, want)
    },
    unsubscribe: (typeUrl, ...names) => change(typeUrl, [], names),
    ack() {
      const message = inbox.shift()
      if (message === undefined) return
      apply(message)
      answer(message)
    },
    nack(text) {
      const message = inbox.shift()
      if (message !== undefined) answer(message, { code: 13, message: text })
    },
    ackAll() {
      while (inbox.length > 0) client.ack()
    },
    reconnect() {
      close()
      for (const names of warming.values()) names.clear()
      for (const [typeUrl, want] of wants) {
        want.nonce = ''
        open(typeUrl, want)
      }
    },
    status: (typeUrl) => {
      const types = [...streams.values()].flatMap((stream) => stream.status().types)
      return types.find((type) => type.typeUrl === typeUrl)
    },
    streams: () => [...streams.values()].map((stream) => stream.status()),
    heldByServer: (typeUrl) =>
      [...streams.values()]
        .flatMap((stream) => [...stream.held()])
        .filter((resource) => resource.typeUrl === typeUrl)
        .map((resource) => resource.name)
        .sort(),
    drainTransport() {
      while (untaken.length > 0) untaken.shift()!()
    },
  }

  function parse(bytes: Buffer): Message {
    if (sotw) {
      const { typeUrl, nonce, versionInfo, resources } = decode(DiscoveryResponseSchema, bytes)
      return {
        typeUrl,
        nonce,
        version: versionInfo,
        contents: new Map(resources.map(contentOf)),
        removed: [],
      }
    }
    const response = decode(DeltaDiscoveryResponseSchema, bytes)
    return {
      typeUrl: response.typeUrl,
      nonce: response.nonce,
      version: response.systemVersionInfo,
      contents: new Map(
        response.resources.map(({ name, version, resource }) => {
          const [inner, content] = contentOf(resource!)
          assert.equal(inner, name)
          assert.equal(version, r(response.typeUrl, name, content).version)
          return [name, content]
        }),
      ),
      removed: response.removedResources,
    }
  }
  return client
}

function contentOf(any: { value: Uint8Array }): [name: string, content: string] {
  const { value } = decode(StringValueSchema, any.value)
  const split = value.indexOf('=')
  return [value.slice(0, split), value.slice(split + 1)]
}

const byName = (a: string, b: string): number => {
  const [x, y] = [a.replace('-', ''), b.replace('-', '')]
  return x < y ? -1 : x > y ? 1 : 0
}
