/** What each of Istio's kinds brings to the check of its objects, and the words all of them share. */
import type { IssueCode } from '../issue-codes.ts'
import type { Path } from '../yaml.ts'

/** Something wrong at a place within one object; becomes an Issue when the object's file and line are known. */
export interface Finding {
  readonly code: IssueCode
  /** From the object's root, e.g. `['spec', 'ports', 0, 'number']`. */
  readonly path: Path
  /** The place is the key, not its value: unknown fields. */
  readonly key?: boolean
  readonly message: string
  readonly severity?: 'error' | 'warning' | 'info'
  readonly params?: Readonly<Record<string, string>>
}

export type Report = (
  code: IssueCode,
  path: Path,
  message: string,
  extra?: Pick<Finding, 'severity' | 'params' | 'key'>,
) => void

/** What the rules of an object need to know of its surroundings. */
export interface CheckContext {
  readonly namespace: string
  readonly rootNamespace: string
  /** The schema has refused this field of the spec, so what depends on it can't be judged. */
  readonly refused: (field: string) => boolean
}

/**
 * The fields an object may have. `map`: any keys; `value`: a scalar; `ignored`: may be there but is not served in this
 * version. A list has the shape of its items.
 */
export type Shape = 'value' | 'map' | 'ignored' | { readonly [field: string]: Shape }

/** The shape that a type of the schema library must have, so that the compiler finds forgotten and invented fields. */
export type ShapeOf<T> =
  NonNullable<T> extends readonly (infer Item)[]
    ? ShapeOf<Item>
    : NonNullable<T> extends object
      ? string extends keyof NonNullable<T>
        ? 'map' | 'ignored'
        : { readonly [Field in keyof NonNullable<T>]-?: ShapeOf<NonNullable<T>[Field]> } | 'ignored'
      : 'value' | 'ignored'

/** Everything optional and nothing null, as it is after the schema check has taken out what has the wrong type. */
export type Loose<T> =
  NonNullable<T> extends readonly (infer Item)[]
    ? (Loose<Item> | undefined)[]
    : NonNullable<T> extends object
      ? { [Field in keyof NonNullable<T>]?: Loose<NonNullable<T>[Field]> }
      : NonNullable<T>

export interface SchemaError {
  /** JSON pointer, e.g. `/spec/ports/0/number`. */
  readonly instancePath: string
  readonly keyword: string
  readonly params: Readonly<Record<string, unknown>>
  readonly message?: string
}

export interface KindDefinition {
  readonly kind: string
  /** Errors of the library's schema; the object's apiVersion is already networking.istio.io/v1. */
  readonly schema: (object: object) => readonly SchemaError[]
  readonly spec: Shape
  /** Istio's semantic rules. `spec` has right types, though fields may be absent that the schema already asked for. */
  readonly check: (spec: object, context: CheckContext, report: Report) => void
  /** The valid spec with its defaults resolved. */
  readonly toSpec: (spec: object) => unknown
}
