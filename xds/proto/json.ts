/** Canonical proto3 JSON, and Anys of types not known beforehand. Loads every generated file. */
import {
  type DescMessage,
  fromBinary,
  fromJson as fromJsonValue,
  type JsonObject,
  type JsonValue,
  type Message,
  type MessageShape,
  toBinary,
  toJson as toJsonValue,
} from '@bufbuild/protobuf'
import { type Any, AnySchema, StructSchema } from '@bufbuild/protobuf/wkt'
import { pack, struct, typeNameOf } from './index.ts'
import { registry } from './registry.ts'
import { rewriter } from './rewrite.ts'

/** An Any we can't read travels through the library's JSON as a Struct with this key. */
const OPAQUE = '\u0000pilothouse opaque Any'

/**
 * Canonical proto3 JSON: lowerCamelCase names, durations as "1.5s", wrappers as plain values, bytes in
 * base64. An Any shows its message beside "@type"; one of an unknown type, or whose bytes don't decode, is
 * `{"@type": ..., "value": <base64>}`, wherever it lies.
 */
export function toJson<D extends DescMessage>(
  schema: D,
  message: MessageShape<D>,
  { protoNames = false }: JsonOptions = {},
): JsonValue {
  const options = { registry, useProtoFieldName: protoNames }
  try {
    return toJsonValue(schema, message, options)
  } catch {
    return reveal(toJsonValue(schema, hide(schema, message), options))
  }
}

export interface JsonOptions {
  /** The proto's own names (`connect_timeout`), as Envoy's admin interface writes them. */
  readonly protoNames?: boolean
}

/** A message from its JSON, in lowerCamelCase or the proto's own names; throws on unknown fields and types. */
export function fromJson<D extends DescMessage>(schema: D, json: JsonValue): MessageShape<D> {
  return fromJsonValue(schema, json, { registry })
}

/** The message in an Any or in the bytes of one; undefined if we don't know its type. */
export function decodeAny(from: Any | Uint8Array): Message | undefined {
  const any = from instanceof Uint8Array ? fromBinary(AnySchema, from) : from
  const schema = registry.getMessage(typeNameOf(any.typeUrl))
  return schema && fromBinary(schema, any.value)
}

const hide = rewriter({ any: hideAny })

function hideAny(any: Any): Any {
  if (any.typeUrl === '') return any
  const message = readable(any)
  return message ? hideWithin(any, message) : opaque(any)
}

function hideWithin(any: Any, message: Message): Any {
  const schema = registry.getMessage(message.$typeName)!
  const after = hide(schema, message)
  return after === message ? any : { ...any, value: toBinary(schema, after) }
}

function readable(any: Any): Message | undefined {
  try {
    return decodeAny(any)
  } catch {
    return undefined
  }
}

function opaque({ typeUrl, value }: Any): Any {
  return pack(
    StructSchema,
    struct({ [OPAQUE]: { '@type': typeUrl, value: Buffer.from(value).toString('base64') } }),
  )
}

function reveal(json: JsonValue): JsonValue {
  if (Array.isArray(json)) return json.map(reveal)
  if (typeof json !== 'object' || json === null) return json
  const hidden = (json.value as JsonObject | null | undefined)?.[OPAQUE]
  if (hidden !== undefined) return hidden
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, reveal(value)]))
}
