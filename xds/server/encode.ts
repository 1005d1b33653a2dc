/**
 * Responses as bytes: the resources' own bytes, encoded once when they were made, copied between a few bytes
 * of the response's own. Field numbers are those of
 * envoy/service/discovery/v3/discovery.proto; the wire format is protobuf's
 * (https://protobuf.dev/programming-guides/encoding/).
 */
import type { Resource } from '../resources.ts'
import type { Response, Variant } from './machine.ts'

/**
 * A response that writes itself. grpc-js copies each message into a buffer that begins with its frame header,
 * and asks only this much of what it is given; so the bytes are copied once rather than twice.
 */
export interface Encoded {
  readonly byteLength: number
  /** Writes all into the target and returns how many bytes that were. */
  copy(target: Buffer, start: number): number
}

export const encodeResponse = (variant: Variant, response: Response): Encoded =>
  variant === 'sotw' ? encodeSotw(response) : encodeDelta(response)

export function toBuffer(encoded: Encoded): Buffer {
  const buffer = Buffer.allocUnsafe(encoded.byteLength)
  encoded.copy(buffer, 0)
  return buffer
}

/** DiscoveryResponse: version_info = 1, resources = 2, type_url = 4, nonce = 5. */
export function encodeSotw({ version, resources, typeUrl, nonce }: Response): Encoded {
  let size = textSize(version) + textSize(typeUrl) + textSize(nonce)
  for (const { bytes } of resources) size += fieldSize(bytes.length)
  return encoded(size, (out) => {
    writeText(out, 1, version)
    for (const { bytes } of resources) writeBytes(out, 2, bytes)
    writeText(out, 4, typeUrl)
    writeText(out, 5, nonce)
  })
}

/**
 * DeltaDiscoveryResponse: system_version_info = 1, resources = 2 (Resource: version = 1, resource = 2,
 * name = 3), type_url = 4, nonce = 5, removed_resources = 6.
 */
export function encodeDelta({ version, resources, typeUrl, nonce, removed }: Response): Encoded {
  let size = textSize(version) + textSize(typeUrl) + textSize(nonce)
  for (const resource of resources) size += fieldSize(deltaResourceSize(resource))
  for (const name of removed) size += fieldSize(Buffer.byteLength(name))
  return encoded(size, (out) => {
    writeText(out, 1, version)
    for (const resource of resources) {
      writeHead(out, 2, deltaResourceSize(resource))
      writeText(out, 1, resource.version)
      writeBytes(out, 2, resource.bytes)
      writeText(out, 3, resource.name)
    }
    writeText(out, 4, typeUrl)
    writeText(out, 5, nonce)
    for (const name of removed) writeRepeatedText(out, 6, name)
  })
}

function encoded(byteLength: number, write: (out: Writer) => void): Encoded {
  return {
    byteLength,
    copy(target, start) {
      const out: Writer = { buffer: target, at: start }
      write(out)
      return out.at - start
    },
  }
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
