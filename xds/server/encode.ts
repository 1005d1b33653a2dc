/**
 * Responses as bytes: the resources' own bytes, encoded once when they were made, and a few bytes of the response's own.
 * Field numbers are those of envoy/service/discovery/v3/discovery.proto; the wire format is protobuf's
 * (https://protobuf.dev/programming-guides/encoding/), to which the order of fields means nothing.
 */
import { ResourceErrorSchema, ResourceSchema } from '../proto/gen/envoy/service/discovery/v3/discovery_pb.js'
import { DurationSchema, duration, encode, typeUrlOf } from '../proto/index.ts'
import type { Resource } from '../resources.ts'
import type { Bodies } from './bodies.ts'
import type { Message } from './grpc/call.ts'
import type { Absent, Form, Response, Variant } from './state.ts'

/** A response in pieces: its resources, which it shares with equal responses to others, and last what is its own. */
export function encodeResponse(variant: Variant, response: Response, bodies: Bodies): Message {
  const { resources, form } = response
  const own = variant === 'sotw' ? sotwTail(response) : deltaTail(response)
  if (resources.length === 0) return { byteLength: own.length, parts: [own] }
  const key = keyOf(variant, form)
  const parts = [...bodies.get(key, resources, writers[key]), own]
  return { byteLength: parts.reduce((sum, { length }) => sum + length, 0), parts }
}

export const toBuffer = ({ parts, byteLength }: Message): Buffer => Buffer.concat(parts, byteLength)

/** Heartbeats in state of the world are with bodies (see heartbeat.ts). */
function keyOf(variant: Variant, form: Form): keyof typeof writers {
  if (form === 'plain') return variant
  return variant === 'sotw' ? 'sotw ttl' : `delta ${form}`
}

const writers = {
  sotw: (resources: readonly Resource[]) => sotwBody(resources),
  'sotw ttl': (resources: readonly Resource[]) => sotwBody(resources.map(wrapped)),
  delta: (resources: readonly Resource[]) => deltaBody(resources, 'plain'),
  'delta ttl': (resources: readonly Resource[]) => deltaBody(resources, 'ttl'),
  'delta heartbeat': (resources: readonly Resource[]) => deltaBody(resources, 'heartbeat'),
}

/** DiscoveryResponse: resources = 2. */
function sotwBody(resources: readonly Pick<Resource, 'bytes'>[]): Buffer {
  let size = 0
  for (const { bytes } of resources) size += fieldSize(bytes.length)
  return written(size, (out) => {
    for (const { bytes } of resources) writeBytes(out, 2, bytes)
  })
}

/** What has a TTL goes as an Any (type_url = 1, value = 2) of the Resource that it is in the incremental variant. */
function wrapped(resource: Resource): Pick<Resource, 'bytes'> {
  if (resource.ttl === undefined) return resource
  const size = resourceSize(resource, 'ttl')
  const bytes = written(textSize(resourceType) + fieldSize(size), (out) => {
    writeText(out, 1, resourceType)
    writeHead(out, 2, size)
    writeResource(out, resource, 'ttl')
  })
  return { bytes }
}
const resourceType = typeUrlOf(ResourceSchema)

/** DiscoveryResponse: version_info = 1, type_url = 4, nonce = 5, resource_errors = 7. */
function sotwTail({ version, typeUrl, nonce, absent }: Response): Buffer {
  const errors = absent.map(errorBytes)
  const size = textSize(version) + textSize(typeUrl) + textSize(nonce) + sizeOf(errors)
  return written(size, (out) => {
    writeText(out, 1, version)
    writeText(out, 4, typeUrl)
    writeText(out, 5, nonce)
    for (const error of errors) writeBytes(out, 7, error)
  })
}

const errorBytes = ({ name, code, message }: Absent): Uint8Array =>
  encode(ResourceErrorSchema, { resourceName: { name }, errorDetail: { code: codes[code], message } })
/** google.rpc.Code. */
const codes = { NOT_FOUND: 5, PERMISSION_DENIED: 7 } as const
const sizeOf = (fields: readonly Uint8Array[]): number =>
  fields.reduce((sum, { length }) => sum + fieldSize(length), 0)

/** DeltaDiscoveryResponse: resources = 2. */
function deltaBody(resources: readonly Resource[], form: Form): Buffer {
  let size = 0
  for (const resource of resources) size += fieldSize(resourceSize(resource, form))
  return written(size, (out) => {
    for (const resource of resources) {
      writeHead(out, 2, resourceSize(resource, form))
      writeResource(out, resource, form)
    }
  })
}

/** Resource: version = 1, resource = 2, name = 3, ttl = 6. */
function writeResource(out: Writer, { version, bytes, name, ttl }: Resource, form: Form): void {
  writeText(out, 1, version)
  if (form !== 'heartbeat') writeBytes(out, 2, bytes)
  writeText(out, 3, name)
  if (form !== 'plain' && ttl !== undefined) writeBytes(out, 6, durationBytes(ttl))
}

function resourceSize({ version, bytes, name, ttl }: Resource, form: Form): number {
  let size = textSize(version) + textSize(name)
  if (form !== 'heartbeat') size += fieldSize(bytes.length)
  if (form !== 'plain' && ttl !== undefined) size += fieldSize(durationBytes(ttl).length)
  return size
}

const durationBytes = (ms: number): Uint8Array => encode(DurationSchema, duration(ms))

/** DeltaDiscoveryResponse: system_version_info = 1, type_url = 4, nonce = 5, removed_resources = 6, resource_errors = 9. */
function deltaTail({ version, typeUrl, nonce, removed, absent }: Response): Buffer {
  const errors = absent.map(errorBytes)
  let size = textSize(version) + textSize(typeUrl) + textSize(nonce) + sizeOf(errors)
  for (const name of removed) size += fieldSize(Buffer.byteLength(name))
  return written(size, (out) => {
    writeText(out, 1, version)
    writeText(out, 4, typeUrl)
    writeText(out, 5, nonce)
    for (const name of removed) writeRepeatedText(out, 6, name)
    for (const error of errors) writeBytes(out, 9, error)
  })
}

function written(byteLength: number, write: (out: Writer) => void): Buffer {
  const buffer = Buffer.allocUnsafe(byteLength)
  write({ buffer, at: 0 })
  return buffer
}

interface Writer {
  readonly buffer: Buffer
  at: number
}

/** Length-delimited, with a one-byte tag (all field numbers here are below 16). */
const fieldSize = (length: number): number => 1 + varintSize(length) + length

/** proto3 leaves an empty string out. */
const textSize = (text: string): number => (text === '' ? 0 : fieldSize(Buffer.byteLength(text)))

function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size++
  return size
}

function writeHead(out: Writer, field: number, length: number): void {
  out.buffer[out.at++] = field * 8 + 2
  let rest = length
  for (; rest > 127; rest = Math.floor(rest / 128)) out.buffer[out.at++] = (rest % 128) + 128
  out.buffer[out.at++] = rest
}

function writeBytes(out: Writer, field: number, bytes: Uint8Array): void {
  writeHead(out, field, bytes.length)
  out.buffer.set(bytes, out.at)
  out.at += bytes.length
}

function writeText(out: Writer, field: number, text: string): void {
  if (text !== '') writeRepeatedText(out, field, text)
}

/** An element of a repeated field is written even if it is empty. */
function writeRepeatedText(out: Writer, field: number, text: string): void {
  writeHead(out, field, Buffer.byteLength(text))
  out.at += out.buffer.write(text, out.at)
}
