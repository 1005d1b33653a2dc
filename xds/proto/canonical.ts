/** Key order for maps and Structs, so that equal messages have equal bytes. */
import type { DescMessage, JsonObject, JsonValue, Message } from '@bufbuild/protobuf'
import { rewriter } from './rewrite.ts'

const rewrite = rewriter({ map: sortRecord, struct: sortObject })

/** The message with the keys of all maps and Structs below it sorted; the same object if they are. */
export function canonical<M extends Message>(schema: DescMessage, message: M): M {
  return rewrite(schema, message)
}

/** Sorted at every depth. A key whose value is undefined is left out, as JSON.stringify does. */
export function sortObject(json: JsonObject): JsonObject {
  const keys = Object.keys(json)
  const values = new Map<string, JsonValue>()
  let changed = !isSorted(keys)
  for (const key of keys) {
    const before = json[key] as JsonValue | undefined
    const after = before === undefined ? undefined : sortValue(before)
    if (after !== undefined) values.set(key, after)
    changed ||= after === undefined || after !== before
  }
  return changed ? (sortRecord(Object.fromEntries(values)) as JsonObject) : json
}

function sortValue(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return sortArray(value)
  return typeof value === 'object' && value !== null ? sortObject(value) : value
}

function sortArray(values: JsonValue[]): JsonValue[] {
  const after = values.map(sortValue)
  return after.every((value, index) => value === values[index]) ? values : after
}

/**
 * The record with its keys in code unit order. JavaScript keeps keys that look like array indices first
 * whatever is asked of it: they come first, ascending, in every record, which is just as settled an order.
 */
function sortRecord(record: Record<string, unknown>): Record<string, unknown> {
  const keys = Object.keys(record)
  if (isSorted(keys)) return record
  const out: Record<string, unknown> = {}
  for (const key of keys.sort()) setOwn(out, key, record[key])
  return out
}

function isSorted(keys: string[]): boolean {
  for (let i = 1; i < keys.length; i++) if (keys[i - 1]! > keys[i]!) return false
  return true
}

/** Assigning "__proto__" would set the prototype. */
function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') target[key] = value
  else Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
}
