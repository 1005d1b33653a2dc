/** Bodies of the API to what a list-watch works with. Untrusted: nothing here throws. Pure. */
import type { KubernetesObject, KubernetesResource, ObjectKey } from '#config/connections/kubernetes-api.ts'

/** One page of a list. */
export interface Page<T> {
  readonly resourceVersion: string
  /** undefined: the last page. */
  readonly continue?: string
  readonly items: readonly { readonly key: ObjectKey; readonly uid: string; readonly value: T }[]
  /** Of its first object, of interest or not. */
  readonly firstUid?: string
}

export type Line<T> =
  | ({ readonly kind: 'put'; readonly value: T } & At)
  | ({ readonly kind: 'gone' } & At)
  | { readonly kind: 'bookmark'; readonly resourceVersion: string }
  | { readonly kind: 'error'; readonly status: number; readonly message: string }
  | { readonly kind: 'garbage'; readonly message: string }

interface At {
  readonly key: ObjectKey
  readonly uid: string
  readonly resourceVersion: string
}

export interface Reading<T> extends Pick<KubernetesResource<T>, 'translate'> {
  /** An object that is left out. */
  skipped(key: ObjectKey, error: unknown): void
}

/** A string: what is not understood. */
export function parsePage<T>(text: string, reading: Reading<T>): Page<T> | string {
  const body = parse(text)
  if (!body) return `not JSON: ${excerpt(text)}`
  const { kind, items, metadata } = body
  const version = (metadata as { resourceVersion?: unknown } | null | undefined)?.resourceVersion
  if (typeof kind !== 'string' || !kind.endsWith('List')) return `no list: ${excerpt(text)}`
  if (typeof version !== 'string' || version === '' || version === '0')
    return 'a list without resourceVersion'
  // An empty list of Go's may be null.
  if (items !== null && !Array.isArray(items)) return 'a list without items'
  const objects = (items ?? []).filter(isObject)
  const token = (metadata as { continue?: unknown }).continue
  return {
    resourceVersion: version,
    ...(typeof token === 'string' && token !== '' ? { continue: token } : {}),
    items: objects.flatMap((object) => {
      const value = translated(object, reading)
      return value === undefined ? [] : [{ key: keyOf(object), uid: uidOf(object), value }]
    }),
    ...(objects[0] ? { firstUid: uidOf(objects[0]) } : {}),
  }
}

/** A line of a watch (https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes). */
export function parseLine<T>(text: string, reading: Reading<T>): Line<T> {
  const { type, object } = parse(text) ?? {}
  if (type === 'ERROR') {
    const { code, message } = (object ?? {}) as { code?: unknown; message?: unknown }
    return { kind: 'error', status: Number(code) || 500, message: String(message ?? 'no reason given') }
  }
  const version = (object as KubernetesObject | undefined)?.metadata?.resourceVersion
  if (typeof version !== 'string' || version === '')
    return { kind: 'garbage', message: `no event: ${excerpt(text)}` }
  if (type === 'BOOKMARK') return { kind: 'bookmark', resourceVersion: version }
  if (!isObject(object)) return { kind: 'garbage', message: `no object: ${excerpt(text)}` }
  const at = { key: keyOf(object), uid: uidOf(object), resourceVersion: version }
  switch (type) {
    case 'ADDED':
    case 'MODIFIED': {
      const value = translated(object, reading)
      return value === undefined ? { kind: 'gone', ...at } : { kind: 'put', ...at, value }
    }
    case 'DELETED':
      return { kind: 'gone', ...at }
    default:
      return { kind: 'garbage', message: `unknown event ${excerpt(String(type))}` }
  }
}

/** The reason of a Status object, else the beginning of the text. */
export function messageOf(text: string): string {
  const { message } = parse(text) ?? {}
  return typeof message === 'string' && message !== '' ? message : excerpt(text)
}

/** Less than 0: `a` is older; NaN where one is no number (an aggregated API's own): nothing is known. */
export const compareVersions = (a: string, b: string): number => Number(a) - Number(b)

function translated<T>(object: KubernetesObject, { translate, skipped }: Reading<T>): T | undefined {
  delete (object.metadata as { managedFields?: unknown }).managedFields
  try {
    return translate(object)
  } catch (error) {
    skipped(keyOf(object), error)
    return undefined
  }
}

function isObject(value: unknown): value is KubernetesObject {
  const metadata = (value as KubernetesObject | null | undefined)?.metadata
  return typeof metadata === 'object' && metadata !== null && typeof metadata.name === 'string'
}

const keyOf = ({ metadata: { name, namespace } }: KubernetesObject): ObjectKey =>
  namespace ? `${namespace}/${name}` : name
const uidOf = ({ metadata: { uid } }: KubernetesObject): string => (typeof uid === 'string' ? uid : '')

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

const excerpt = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > 120 ? `${line.slice(0, 120)}…` : line || 'nothing'
}
