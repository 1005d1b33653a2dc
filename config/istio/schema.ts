/** The schema check: the validators of @kubernetes-models/istio (made by ajv from Istio's own CRDs), as findings. */

import { suggestion } from '../suggest.ts'
import type { Path } from '../yaml.ts'
import type { Finding, SchemaError } from './kind.ts'

/** Stands for the value as it is written: the number 1 may be `1.0` there. Filled in where the text is known. */
export const SOURCE = '{source}'

/** A class of @kubernetes-models: the only way the library offers to its validators. */
interface ModelClass {
  new (data: never): { validate(): void }
}

/** The library throws its errors, all at once; a value here. */
export const schemaOf =
  (Model: ModelClass) =>
  (object: object): readonly SchemaError[] => {
    try {
      new Model(object as never).validate()
      return []
    } catch (cause) {
      const { errors } = cause as { errors?: readonly SchemaError[] }
      if (!errors) throw cause
      return errors
    }
  }

/** One finding a place: the first error there, for "must be string" and "must be one of" tell the same. */
export function schemaFindings(errors: readonly SchemaError[], object: unknown): Finding[] {
  const seen = new Set<string>()
  const findings: Finding[] = []
  for (const error of errors) {
    const pointer =
      error.keyword === 'required'
        ? `${error.instancePath}/${error.params.missingProperty}`
        : error.instancePath
    if (seen.has(pointer)) continue
    seen.add(pointer)
    findings.push(toFinding(error, pointerPath(error.instancePath, object), object))
  }
  return findings
}

function toFinding(error: SchemaError, path: Path, object: unknown): Finding {
  const field = path.at(-1) ?? 'the object'
  const value = valueAt(object, path)
  switch (error.keyword) {
    case 'required': {
      const missing = String(error.params.missingProperty)
      return {
        code: 'PH1005',
        path: [...path, missing],
        message: `${missing} is missing`,
        params: { field: missing },
      }
    }
    case 'type': {
      const wanted = String(error.params.type)
      return {
        code: 'PH1004',
        path,
        message: `${field} must be ${article(wanted)}, not ${describe(value)}`,
        params: { hint: typeHint(wanted, value) },
      }
    }
    case 'enum': {
      const allowed = (error.params.allowedValues as unknown[]).map(String)
      const hint =
        typeof value === 'string' ? suggestion(value, allowed) : `Use one of ${allowed.join(', ')}.`
      const message = `${field} is ${describe(value)}, which is none of ${allowed.join(', ')}`
      return { code: 'PH1004', path, message, params: { hint } }
    }
    default:
      return {
        code: 'PH1004',
        path,
        message: `${field} ${error.message ?? 'is not valid'}`,
        params: { hint: 'Correct the value.' },
      }
  }
}

const article = (type: string): string => (/^[aeio]/.test(type) ? `an ${type}` : `a ${type}`)

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map'
  if (typeof value === 'string') return `the string ${JSON.stringify(value)}`
  return `the ${typeof value} ${SOURCE}`
}

function typeHint(wanted: string, value: unknown): string {
  const scalar = typeof value === 'number' || typeof value === 'boolean'
  if (wanted === 'string' && scalar) return `Put it in quotes: "${SOURCE}".`
  if (wanted === 'integer' && typeof value === 'string' && /^\d+$/.test(value))
    return `Write it without quotes: ${value}.`
  if (wanted === 'array') return 'Write it as a list, each item on a line of its own after "- ".'
  return `Give it ${article(wanted)}.`
}

/** A JSON pointer as a path: segments under a list are numbers. */
function pointerPath(pointer: string, object: unknown): Path {
  const path: (string | number)[] = []
  let value: unknown = object
  for (const raw of pointer.split('/').slice(1)) {
    const segment = raw.replace(/~1/g, '/').replace(/~0/g, '~')
    path.push(Array.isArray(value) ? Number(segment) : segment)
    value = value === null || value === undefined ? undefined : (value as Record<string, unknown>)[segment]
  }
  return path
}

export function valueAt(object: unknown, path: Path): unknown {
  let value = object
  for (const segment of path)
    value = (value as Record<string | number, unknown> | null | undefined)?.[segment]
  return value
}
