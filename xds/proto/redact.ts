/** Keys and passwords out of messages, wherever they lie. Loads every generated file. */
import { type DescField, type DescMessage, type Message, toBinary } from '@bufbuild/protobuf'
import { type Any, AnySchema, StructSchema } from '@bufbuild/protobuf/wkt'
import { typeNameOf } from './index.ts'
import { decodeAny } from './json.ts'
import { registry } from './registry.ts'
import { REDACTED, sensitiveFields } from './sensitive.ts'

/**
 * The Any without the inline content of sensitive fields, and without the value if it can't be read, since nobody can
 * tell then what is in it. File names stay. The same object where nothing had to go; what is given is never changed.
 */
export function redactAny(any: Any): Any {
  return redactWithin(any, false)
}

type Local = Record<string, unknown>

function redactWithin(any: Any, inSensitive: boolean): Any {
  const schema = registry.getMessage(typeNameOf(any.typeUrl))
  const message = schema && readable(any)
  if (message === undefined) return any.value.length === 0 ? any : { ...any, value: new Uint8Array() }
  const after = redact(schema!, message as unknown as Local, inSensitive) as unknown as Message
  return after === message ? any : { ...any, value: toBinary(schema!, after) }
}

function readable(any: Any): Message | undefined {
  try {
    return decodeAny(any)
  } catch {
    return undefined
  }
}

function redact(schema: DescMessage, message: Local, inSensitive: boolean): Local {
  if (schema.typeName === AnySchema.typeName)
    return redactWithin(message as unknown as Any, inSensitive) as unknown as Local
  let out = message
  for (const field of schema.fields) {
    const slot = field.oneof ? (message[field.oneof.localName] as Local) : message
    const key = field.oneof ? 'value' : field.localName
    const before = !field.oneof || slot.case === field.localName ? slot[key] : undefined
    if (before === undefined) continue
    const after = redactField(field, before, inSensitive)
    if (after === before) continue
    out = {
      ...out,
      ...(field.oneof ? { [field.oneof.localName]: { ...slot, value: after } } : { [key]: after }),
    }
  }
  return out
}

function redactField(field: DescField, value: unknown, inSensitive: boolean): unknown {
  if (inSensitive && field.name === 'inline_bytes') return Buffer.from(REDACTED)
  if (inSensitive && field.name === 'inline_string') return REDACTED
  const { message } = field
  // A Struct is plain JSON here, a wrapper a plain value; they hold no DataSource.
  if (message === undefined || message.typeName === StructSchema.typeName) return value
  const below = inSensitive || sensitiveFields.has(field.name)
  const one = (item: unknown): unknown =>
    isLocal(item) && '$typeName' in item ? redact(message, item, below) : item
  if (field.fieldKind === 'list') {
    const items = value as unknown[]
    const after = items.map(one)
    return after.every((item, i) => item === items[i]) ? items : after
  }
  if (field.fieldKind !== 'map') return one(value)
  const before = Object.entries(value as Local)
  const after = before.map(([key, item]): [string, unknown] => [key, one(item)])
  return after.every(([, item], i) => item === before[i]![1]) ? value : Object.fromEntries(after)
}

const isLocal = (value: unknown): value is Local => typeof value === 'object' && value !== null
