/** Resources as JSON, for tests to look into. */
import { AnySchema, decode } from '#xds/proto/index.ts'
import { toJson } from '#xds/proto/json.ts'
import type { ResourceSet } from '#xds/resources.ts'
import { typeUrls } from '#xds/type-urls.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests reach deep into JSON of many types
export type Json = any
export type Kind = 'listener' | 'route' | 'cluster' | 'endpoint'
export const kinds: readonly Kind[] = ['listener', 'route', 'cluster', 'endpoint']

export const names = (set: ResourceSet, kind: Kind): readonly string[] =>
  [...set.all(typeUrls[kind])].map(({ name }) => name).sort()

export function read(set: ResourceSet, kind: Kind, name: string): Json {
  const resource = set.get(typeUrls[kind], name)
  if (resource === undefined) throw new Error(`no ${kind} ${name}; there is ${names(set, kind).join(', ')}`)
  return toJson(AnySchema, decode(AnySchema, resource.bytes))
}

/** Of all types: name to version. */
export const versions = (set: ResourceSet): Json =>
  Object.fromEntries(
    kinds.map((kind) => [
      kind,
      Object.fromEntries(
        [...set.all(typeUrls[kind])].map(({ name, version }) => [name, version] as const).sort(),
      ),
    ]),
  )

/** Kinds and names in a change, e.g. `endpoint outbound|80||a`. */
export const changedNames = (
  changed: 'all' | ReadonlyMap<string, ReadonlySet<string>>,
): readonly string[] => {
  if (changed === 'all') return ['all']
  return kinds
    .flatMap((kind) => [...(changed.get(typeUrls[kind]) ?? [])].map((name) => `${kind} ${name}`))
    .sort()
}

/** The configuration of a chain's last filter. */
export const lastFilter = (chain: Json): Json => chain.filters.at(-1).typedConfig
export const chainMatches = (listener: Json): Json[] =>
  (listener.filterChains ?? []).map((chain: Json) => chain.filterChainMatch ?? {})
