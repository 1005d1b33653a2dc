/**
 * Copy on write over a message tree. A rewriter is given what to do with maps, Structs and Anys; it visits
 * only the fields whose type can hold one of these, and returns the same message where nothing changed.
 * The message given is never changed.
 */
import type { DescField, DescMessage, JsonObject, Message } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'

/** What to do at each place. Return the argument itself when it may stay as it is. */
export interface Rules {
  /** The record behind a map field, its values already rewritten. */
  map?: (record: Record<string, unknown>) => Record<string, unknown>
  /** A google.protobuf.Struct in a field: plain JSON there. */
  struct?: (json: JsonObject) => JsonObject
  /** A google.protobuf.Any. */
  any?: (any: Any) => Any
}

type Local = Record<string, unknown>
type Visit = (value: unknown) => unknown
type Step = (message: Local) => Local
export type Rewriter = <M extends Message>(schema: DescMessage, message: M) => M

const STRUCT = 'google.protobuf.Struct'
const VALUE = 'google.protobuf.Value'
const ANY = 'google.protobuf.Any'

/** A rewriter that applies the rules everywhere below a message, innermost first. */
export function rewriter(rules: Rules): Rewriter {
  const reaches = reachability((field) => isPlace(field, rules))
  const plans = new Map<DescMessage, Step[]>()

  function rewrite(schema: DescMessage, message: Local): Local {
    if (rules.any && schema.typeName === ANY) return rules.any(message as unknown as Any) as unknown as Local
    let current = message
    for (const step of plan(schema)) current = step(current)
    return current
  }

  function plan(schema: DescMessage): Step[] {
    let steps = plans.get(schema)
    if (!steps) {
      steps = schema.fields.flatMap((field) => step(field) ?? [])
      plans.set(schema, steps)
    }
    return steps
  }

  function step(field: DescField): Step | undefined {
    const visit = visitField(field)
    return (
      visit && (field.oneof ? inOneof(field.oneof.localName, field.localName, visit) : inPlace(field, visit))
    )
  }

  function visitField(field: DescField): Visit | undefined {
    const one = visitOne(field)
    if (field.fieldKind === 'list') return one && ((value) => mapArray(value as unknown[], one))
    if (field.fieldKind !== 'map') return one
    const whole = rules.map
    if (!whole && !one) return undefined
    return (value) => {
      const record = one ? mapRecord(value as Local, one) : (value as Local)
      return whole ? whole(record) : record
    }
  }

  function visitOne(field: DescField): Visit | undefined {
    const schema = field.message
    if (!schema) return undefined
    if (isJson(field)) return rules.struct as Visit | undefined
    if (!reaches(schema) && !(rules.any && schema.typeName === ANY)) return undefined
    return (value) => rewrite(schema, value as Local)
  }

  return (schema, message) => rewrite(schema, message as unknown as Local) as unknown as typeof message
}

/** A field holding a Struct holds plain JSON, save inside google.protobuf.Value. */
function isJson(field: DescField): boolean {
  return field.message?.typeName === STRUCT && field.parent.typeName !== VALUE
}

function isPlace(field: DescField, rules: Rules): boolean {
  if (rules.map && field.fieldKind === 'map') return true
  if (rules.struct && isJson(field)) return true
  return rules.any !== undefined && field.message?.typeName === ANY
}

/** Whether a place lies anywhere below a message type; types are often recursive, hence the fixpoint. */
function reachability(isPlace: (field: DescField) => boolean): (schema: DescMessage) => boolean {
  const known = new Map<DescMessage, boolean>()
  return (schema) => {
    if (!known.has(schema)) settle(closure(schema), known, isPlace)
    return known.get(schema) ?? false
  }
}

function settle(
  schemas: DescMessage[],
  known: Map<DescMessage, boolean>,
  isPlace: (field: DescField) => boolean,
): void {
  const leads = (field: DescField) => isPlace(field) || (!!field.message && known.get(field.message) === true)
  for (let changed = true; changed; ) {
    changed = false
    for (const schema of schemas) {
      if (known.get(schema) || !schema.fields.some(leads)) continue
      known.set(schema, true)
      changed = true
    }
  }
  for (const schema of schemas) if (!known.has(schema)) known.set(schema, false)
}

/** The message types below a type, itself last: children mostly settle before their parents. */
function closure(root: DescMessage): DescMessage[] {
  const seen = new Set<DescMessage>()
  const out: DescMessage[] = []
  const add = (schema: DescMessage) => {
    if (seen.has(schema)) return
    seen.add(schema)
    for (const field of schema.fields) if (field.message) add(field.message)
    out.push(schema)
  }
  add(root)
  return out
}

function inPlace({ localName }: DescField, visit: Visit): Step {
  return (message) => {
    const before = message[localName]
    if (before === undefined) return message
    const after = visit(before)
    return after === before ? message : { ...message, [localName]: after }
  }
}

function inOneof(oneof: string, localName: string, visit: Visit): Step {
  return (message) => {
    const { case: set, value } = message[oneof] as { case?: string; value?: unknown }
    if (set !== localName) return message
    const after = visit(value)
    return after === value ? message : { ...message, [oneof]: { case: set, value: after } }
  }
}

function mapArray(items: unknown[], visit: Visit): unknown[] {
  let out = items
  for (let i = 0; i < items.length; i++) {
    const after = visit(items[i])
    if (after === items[i]) continue
    if (out === items) out = [...items]
    out[i] = after
  }
  return out
}

function mapRecord(record: Local, visit: Visit): Local {
  let out = record
  for (const key of Object.keys(record)) {
    const after = visit(record[key])
    if (after === record[key]) continue
    if (out === record) out = { ...record }
    out[key] = after
  }
  return out
}
