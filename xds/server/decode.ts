/**
 * Requests from bytes. In the state-of-the-world protocol each ACK lists all names again (38 kB for 1,000), so
 * the list is compared as bytes with the last one of the stream before anything of it is decoded.
 */
import { isAscii } from 'node:buffer'
import type { BuildVersion, Node as NodeMessage } from '../proto/gen/envoy/config/core/v3/base_pb.js'
import {
  DeltaDiscoveryRequestSchema,
  DiscoveryRequestSchema,
} from '../proto/gen/envoy/service/discovery/v3/discovery_pb.js'
import { decode } from '../proto/index.ts'
import type { Node, TypeUrl } from '../resources.ts'
import { typeUrls } from '../type-urls.ts'
import { normalName } from '../xdstp.ts'
import type { DeltaRequest } from './delta.ts'
import type { NameLists } from './name-lists.ts'
import type { SotwRequest } from './sotw.ts'
import type { ClientError } from './subscription.ts'

/** A request with what only the transport needs of it. */
export type Received<R> = R & { readonly node: Node | undefined; readonly versionInfo: string }

/** The bytes of a stream's last list of names, by type. */
export type LastLists = Map<TypeUrl, Buffer>

/** Throws if the bytes are not a DiscoveryRequest. */
export function decodeSotw(bytes: Buffer, lists: LastLists, shared: NameLists): Received<SotwRequest> {
  const list = findNames(bytes, [...lists.values()])
  const message = decode(DiscoveryRequestSchema, without(bytes, list))
  const { typeUrl, versionInfo, responseNonce: nonce } = message
  const error = errorOf(message.errorDetail, versionInfo)
  const common = { typeUrl, versionInfo, nonce, node: message.node && nodeOf(message.node), error }
  // Names that did not stand together are in the message; these are rare, so they are not remembered.
  if (message.resourceNames.length > 0) {
    lists.delete(typeUrl)
    return { ...common, names: sotwNames(bytes) }
  }
  const raw = list === undefined ? noNames : bytes.subarray(list.start, list.end)
  if (lists.get(typeUrl)?.equals(raw)) return { ...common, names: 'same' }
  const known = shared.get(raw, sotwNames)
  lists.set(typeUrl, known.raw)
  return { ...common, names: known.names }
}

const sotwNames = (bytes: Buffer): string[] =>
  decode(DiscoveryRequestSchema, bytes).resourceNames.map(normalName)

/** Throws if the bytes are not a DeltaDiscoveryRequest. */
export function decodeDelta(bytes: Buffer, shared: NameLists): Received<DeltaRequest> {
  const ack = readAck(bytes)
  if (ack !== undefined) return ack
  const list = findNames(
    bytes,
    Array.from(shared.recent, ({ raw }) => raw),
  )
  const message = decode(DeltaDiscoveryRequestSchema, without(bytes, list))
  const subscribe = list
    ? shared.get(bytes.subarray(list.start, list.end), (it) =>
        decode(DeltaDiscoveryRequestSchema, it).resourceNamesSubscribe.map(normalName),
      ).names
    : []
  const scattered = message.resourceNamesSubscribe.map(normalName)
  return {
    typeUrl: message.typeUrl,
    versionInfo: '',
    nonce: message.responseNonce,
    subscribe: scattered.length === 0 ? subscribe : [...subscribe, ...scattered],
    unsubscribe: message.resourceNamesUnsubscribe.map(normalName),
    initialVersions: message.initialResourceVersions,
    node: message.node && nodeOf(message.node),
    error: errorOf(message.errorDetail, ''),
  }
}

const nothing: readonly string[] = []
const noVersions: Readonly<Record<string, string>> = {}
/** One string for each type, so that comparing two of them is quick. */
const known = new Map(Object.values(typeUrls).map((typeUrl) => [typeUrl as TypeUrl, typeUrl]))
/** type_url = 2 and response_nonce = 6, length-delimited. */
const typeUrlTag = 2 * 8 + 2
const nonceTag = 6 * 8 + 2

/** A request of a type and a nonce alone, as most are: read without the generated code. Else undefined. */
function readAck(bytes: Buffer): Received<DeltaRequest> | undefined {
  let typeUrl = ''
  let nonce = ''
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at]
    const length = bytes[at + 1]
    // A length of one byte is below 128.
    if (length === undefined || length > 127 || at + 2 + length > bytes.length) return undefined
    const text = bytes.toString('latin1', at + 2, at + 2 + length)
    if (tag === typeUrlTag) typeUrl = known.get(text) ?? text
    else if (tag === nonceTag) nonce = text
    else return undefined
    at += 2 + length
  }
  if (!isAscii(bytes)) return undefined
  return {
    typeUrl,
    versionInfo: '',
    nonce,
    subscribe: nothing,
    unsubscribe: nothing,
    initialVersions: noVersions,
    node: undefined,
    error: undefined,
  }
}

/** What Envoy and gRPC say of themselves, in plain JSON. */
export function nodeOf(message: NodeMessage): Node {
  const { id, cluster, metadata, locality, userAgentName, userAgentVersionType: version } = message
  const { clientFeatures } = message
  return {
    id,
    cluster,
    metadata: metadata ?? {},
    ...(locality && {
      locality: { region: locality.region, zone: locality.zone, subZone: locality.subZone },
    }),
    userAgentName,
    userAgentVersion: version.case === 'userAgentVersion' ? version.value : buildVersion(version.value),
    ...(clientFeatures.length > 0 && { clientFeatures }),
  }
}

function buildVersion(build: BuildVersion | undefined): string {
  const number = build?.version
  return number === undefined ? '' : `${number.majorNumber}.${number.minorNumber}.${number.patch}`
}

function errorOf(
  status: { code: number; message: string } | undefined,
  versionInfo: string,
): ClientError | undefined {
  return status && { code: status.code, message: shortened(status.message), lastGoodVersion: versionInfo }
}

/** Characters of a client's message that are kept, logged and searched for names: a client may write megabytes. */
const MAX_MESSAGE = 16_000

/** A copy: a slice would keep the whole text in memory. */
const shortened = (text: string): string =>
  text.length <= MAX_MESSAGE ? text : `${Buffer.from(text.slice(0, MAX_MESSAGE)).toString()}…`

const without = (bytes: Buffer, list: { start: number; end: number } | undefined): Buffer =>
  list === undefined ? bytes : Buffer.concat([bytes.subarray(0, list.start), bytes.subarray(list.end)])

const noNames = Buffer.alloc(0)
/** resource_names = 3, and resource_names_subscribe = 3 of the incremental variant: length-delimited. */
const namesTag = 3 * 8 + 2

/**
 * Where the list of names stands, if all of it stands together (all known encoders write it so). A list that
 * is byte for byte one of `lists` is skipped in one comparison. Undefined too for what can't be read.
 */
function findNames(bytes: Buffer, lists: readonly Buffer[]): { start: number; end: number } | undefined {
  let at = 0
  while (at !== -1 && at < bytes.length && bytes[at] !== namesTag) at = skipField(bytes, at)
  if (at === -1 || at >= bytes.length) return undefined
  const start = at
  at += knownLength(bytes, at, lists)
  while (at !== -1 && at < bytes.length && bytes[at] === namesTag) at = skipField(bytes, at)
  return at === -1 ? undefined : { start, end: at }
}

function knownLength(bytes: Buffer, at: number, lists: readonly Buffer[]): number {
  for (const list of lists) {
    const end = at + list.length
    if (list.length > 0 && end <= bytes.length && bytes.compare(list, 0, list.length, at, end) === 0) {
      return list.length
    }
  }
  return 0
}

/** The position after the field, -1 if it is malformed or cut off. */
function skipField(bytes: Buffer, at: number): number {
  const [tag, afterTag] = readVarint(bytes, at)
  if (afterTag === -1) return -1
  let end = -1
  const wireType = tag % 8
  if (wireType === 0) end = readVarint(bytes, afterTag)[1]
  else if (wireType === 1) end = afterTag + 8
  else if (wireType === 5) end = afterTag + 4
  else if (wireType === 2) {
    const [length, afterLength] = readVarint(bytes, afterTag)
    if (afterLength !== -1) end = afterLength + length
  }
  return end > bytes.length ? -1 : end
}

/** A varint and the position after it (-1: cut off or longer than ten bytes). */
function readVarint(bytes: Buffer, at: number): [value: number, after: number] {
  let value = 0
  for (let i = 0; i < 10; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) return [0, -1]
    value += (byte % 128) * 128 ** i
    if (byte < 128) return [value, at + i + 1]
  }
  return [0, -1]
}
