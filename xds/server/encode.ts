/**
 * Responses as bytes: the resources' own bytes, encoded once when they were made, and a few bytes of the response's own.
 * Field numbers are those of envoy/service/discovery/v3/discovery.proto; the wire format is protobuf's
 * (https://protobuf.dev/programming-guides/encoding/), to which the order of fields means nothing.
 */
import type { Resource } from '../resources.ts'
import type { Bodies } from './bodies.ts'
import type { Message } from './grpc/call.ts'
import type { Response, Variant } from './machine.ts'

/** A response in pieces: its resources, which it shares with equal responses to others, and last what is its own. */
export function encodeResponse(variant: Variant, response: Response, bodies: Bodies): Message {
  const { resources } = response
  const own = variant === 'sotw' ? sotwTail(response) : deltaTail(response)
  if (resources.length === 0) return { byteLength: own.length, parts: [own] }
  const parts = [...bodies.get(variant, resources, variant === 'sotw' ? sotwBody : deltaBody), own]
  return { byteLength: parts.reduce((sum, { length }) => sum + length, 0), parts }
}

export const toBuffer = ({ parts, byteLength }: Message): Buffer => Buffer.concat(parts, byteLength)

/** DiscoveryResponse: resources = 2. */
function sotwBody(resources: readonly Resource[]): Buffer {
  let size = 0
  for (const { bytes } of resources) size += fieldSize(bytes.length)
  return written(size, (out) => {
    for (const { bytes } of resources) writeBytes(out, 2, bytes)
  })
}

/** DiscoveryResponse: version_info = 1, type_url = 4, nonce = 5. */
function sotwTail({ version, typeUrl, nonce }: Response): Buffer {
  return written(textSize(version) + textSize(typeUrl) + textSize(nonce), (out) => {
    writeText(out, 1, version)
    writeText(out, 4, typeUrl)
    writeText(out, 5, nonce)
  })
}

/** DeltaDiscoveryResponse: resources = 2 (Resource: version = 1, resource = 2, name = 3). */
function deltaBody(resources: readonly Resource[]): Buffer {
  let size = 0
  for (const resource of resources) size += fieldSize(deltaResourceSize(resource))
  return written(size, (out) => {
    for (const resource of resources) {
      writeHead(out, 2, deltaResourceSize(resource))
      writeText(out, 1, resource.version)
      writeBytes(out, 2, resource.bytes)
      writeText(out, 3, resource.name)
    }
  })
}

/** DeltaDiscoveryResponse: system_version_info = 1, type_url = 4, nonce = 5, removed_resources = 6. */
function deltaTail({ version, typeUrl, nonce, removed }: Response): Buffer {
  let size = textSize(version) + textSize(typeUrl) + textSize(nonce)
  for (const name of removed) size += fieldSize(Buffer.byteLength(name))
  return written(size, (out) => {
    writeText(out, 1, version)
    writeText(out, 4, typeUrl)
    writeText(out, 5, nonce)
    for (const name of removed) writeRepeatedText(out, 6, name)
  })
}

function written(byteLength: number, write: (out: Writer) => void): Buffer {
  const buffer = Buffer.allocUnsafe(byteLength)
  write({ buffer, at: 0 })
  return buffer
}

const deltaResourceSize = ({ version, bytes, name }: Resource): number =>
  textSize(version) + fieldSize(bytes.length) + textSize(name)

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
