/**
 * The one way to protobuf for the rest of the project. Schemas are imported from their own generated file,
 * as `#xds/proto/gen/envoy/config/cluster/v3/cluster_pb.js`; JSON and Anys of any type are in ./json.ts,
 * which loads all of them.
 */

import type { JsonObject } from '@bufbuild/protobuf'
import {
  create,
  type DescMessage,
  fromBinary,
  fromJson,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import {
  type Any,
  AnySchema,
  type Duration,
  DurationSchema,
  type Struct,
  StructSchema,
} from '@bufbuild/protobuf/wkt'
import { canonical, sortObject } from './canonical.ts'

export type {
  DescMessage,
  DescService,
  JsonObject,
  JsonValue,
  Message,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf'
export { clone, create, equals, isMessage } from '@bufbuild/protobuf'
export type { Any, Duration, Struct, Timestamp, Value } from '@bufbuild/protobuf/wkt'
export {
  AnySchema,
  BoolValueSchema,
  DurationSchema,
  EmptySchema,
  StringValueSchema,
  StructSchema,
  TimestampSchema,
  timestampDate,
  timestampFromDate,
  UInt32ValueSchema,
  ValueSchema,
} from '@bufbuild/protobuf/wkt'

const PREFIX = 'type.googleapis.com/'

/**
 * The bytes of a message. Equal messages give equal bytes: fields are written by number, and the keys of
 * all maps and Structs below, however deep, are sorted first (on a copy; the message is not touched). Bytes
 * inside an Any are taken as they are: make them with `pack`.
 */
export function encode<D extends DescMessage>(schema: D, init: MessageInitShape<D>): Uint8Array {
  return toBinary(schema, canonical(schema, create(schema, init)))
}

/** The message in the bytes; throws if they are not one. */
export function decode<D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> {
  return fromBinary(schema, bytes)
}

/** A message as an Any, to put into another message. */
export function pack<D extends DescMessage>(schema: D, init: MessageInitShape<D>): Any {
  return create(AnySchema, { typeUrl: typeUrlOf(schema), value: encode(schema, init) })
}

/** The bytes of the Any that holds the message: a resource, ready to be put into a discovery response. */
export function anyBytes<D extends DescMessage>(schema: D, init: MessageInitShape<D>): Uint8Array {
  return toBinary(AnySchema, pack(schema, init))
}

/** The message of a known type in an Any or in the bytes of one; undefined if it holds another type. */
export function unpack<D extends DescMessage>(
  schema: D,
  from: Any | Uint8Array,
): MessageShape<D> | undefined {
  const any = from instanceof Uint8Array ? fromBinary(AnySchema, from) : from
  return typeNameOf(any.typeUrl) === schema.typeName ? fromBinary(schema, any.value) : undefined
}

/** The type URL of a message type: "type.googleapis.com/" and its full name. */
export function typeUrlOf(schema: DescMessage): string {
  return PREFIX + schema.typeName
}

/** The full name of the message type in a type URL. */
export function typeNameOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1)
}

/** Milliseconds, fractions allowed, as a Duration to the nanosecond. */
export function duration(ms: number): Duration {
  if (!Number.isFinite(ms)) throw new RangeError(`not a duration: ${ms} ms`)
  const seconds = Math.trunc(ms / 1000)
  const nanos = Math.round((ms - seconds * 1000) * 1e6)
  const carry = Math.trunc(nanos / 1e9)
  return create(DurationSchema, { seconds: BigInt(seconds + carry), nanos: nanos - carry * 1e9 || 0 })
}

/** A Duration in milliseconds. */
export function milliseconds({ seconds, nanos }: Duration): number {
  return Number(seconds) * 1000 + nanos / 1e6
}

/**
 * A Struct message, to be packed into an Any. Not for a field of type Struct (filter_metadata, say): those
 * take the plain JSON object.
 */
export function struct(json: JsonObject): Struct {
  return fromJson(StructSchema, sortObject(json))
}
