/** The merge: (state, event) -> {state, changes}. Pure, and its cost follows what changed, not the size of the mesh. */
import type { ConfigObject } from '#model/config.ts'
import type { Issue } from '#model/issue.ts'
import type { ChangeSet, MeshService, MeshServiceKey, MeshSnapshot, SourceState } from '#model/mesh.ts'
import { type Endpoint, type Service, serviceKey, type Workload } from '#model/service.ts'
import { sameContent } from '#support/equal.ts'
import { type AdvanceRules, advance } from './advance.ts'
import { meshIssue } from './conflicts.ts'
import { flapIssues } from './flap-issues.ts'
import { FLAP_RULE } from './flaps.ts'
import { freshnessIn } from './freshness.ts'
import {
  type Contribution,
  type MeshOptions,
  meshKeyOf,
  type Precedence,
  precedenceOf,
} from './precedence.ts'
import { type MergeEvent, neverSpoken, type Said } from './said.ts'
import {
  concerned,
  type Difference,
  emptySelection,
  indexSelectors,
  indexWorkloads,
  type SelectionIndex,
  selected,
} from './selection.ts'
import { REMOVAL_DELAY } from './settle.ts'
import { SortedMap } from './sorted-map.ts'
import { unite } from './unite.ts'

export type SourceId = Pick<SourceState, 'name' | 'kind' | 'role'>

export interface MergeState {
  readonly precedence: Precedence
  /** By source: what is damped and held back. */
  readonly rules: ReadonlyMap<string, AdvanceRules>
  /** All sources, in the order of the settings. */
  readonly said: ReadonlyMap<string, Said>
  readonly contributions: SortedMap<readonly Contribution[]>
  readonly selection: SelectionIndex
  /** Merged services of which registries report an endpoint with different health: who is fresh decides. */
  readonly disputed: SortedMap<true>
  readonly snapshot: MeshSnapshot
}

export interface MergeResult {
  readonly state: MergeState
  readonly changes: ChangeSet
  /** Whether there is anything to tell: content, or the state of a source. */
  readonly changed: boolean
  /** How many services were merged anew. */
  readonly touched: number
  /** How many downs of flapping endpoints were delayed. */
  readonly delayed: number
}

const snapshotOf = (
  revision: number,
  services: ReadonlyMap<MeshServiceKey, MeshService>,
  configs: ReadonlyMap<string, ConfigObject>,
  { said, contributions }: Pick<MergeState, 'said' | 'contributions'>,
): MeshSnapshot => ({
  revision,
  services,
  configs,
  sources: new Map([...said].map(([name, { state }]) => [name, state])),
  freshness: freshnessIn(said, contributions, services),
})

const rulesOf = ({ name, role }: SourceId, options: MeshOptions): AdvanceRules => ({
  removalDelay: options.removalDelay ?? REMOVAL_DELAY,
  flapping: options.flapping === false ? undefined : (options.flapping ?? FLAP_RULE),
  protection: role === 'registry' ? options.protection?.(name) : undefined,
})

/** `sources` in the order of the settings, which is the order of precedence; their names are unique. */
export const initialState = (sources: readonly SourceId[], options: MeshOptions): MergeState => {
  const said = new Map(sources.map((source) => [source.name, neverSpoken(source)]))
  const registries = sources.filter(({ role }) => role === 'registry').map(({ name }) => name)
  const contributions: MergeState['contributions'] = SortedMap.empty()
  return {
    precedence: precedenceOf(registries, options),
    rules: new Map(sources.map((source) => [source.name, rulesOf(source, options)])),
    said,
    contributions,
    selection: emptySelection,
    disputed: SortedMap.empty(),
    snapshot: snapshotOf(0, SortedMap.empty(), SortedMap.empty(), { said, contributions }),
  }
}

/** Moves changed services to their places; returns the keys of the merged services that they concern. */
const contribute = (
  { contributions, precedence }: MergeState,
  registry: string,
  differences: readonly Difference<Service>[],
): { readonly contributions: MergeState['contributions']; readonly keys: ReadonlySet<MeshServiceKey> } => {
  const changed = new Map<string, readonly Contribution[]>()
  const now = (key: string): readonly Contribution[] => changed.get(key) ?? contributions.get(key) ?? []
  for (const { before, after } of differences) {
    if (before !== undefined) {
      const key = meshKeyOf(before, precedence)
      changed.set(
        key,
        now(key).filter((one) => one.service !== before || one.registry !== registry),
      )
    }
    if (after !== undefined) {
      const key = meshKeyOf(after, precedence)
      changed.set(key, [...now(key), { registry, service: after }].sort(precedence.compare))
    }
  }
  const entries = [...changed].map(([key, list]) => [key, list.length === 0 ? undefined : list] as const)
  return { contributions: contributions.with(new Map(entries)), keys: new Set(changed.keys()) }
}

type ServiceChange = 'attributes' | 'endpoints' | 'removed'

/** Merges the services with these keys anew. */
const remerge = (
  state: MergeState,
  keys: ReadonlySet<MeshServiceKey>,
): {
  readonly services: ReadonlyMap<string, MeshService | undefined>
  readonly changes: Map<string, ServiceChange>
} => {
  const services = new Map<string, MeshService | undefined>()
  const changes = new Map<string, ServiceChange>()
  const { said, selection, precedence, rules, snapshot } = state
  const freshness = freshnessIn(said, state.contributions, snapshot.services)
  const select = ({ service }: Contribution): readonly Workload[] => selected(selection, service)
  const notes = ({ registry, service }: Contribution): readonly Issue[] => {
    const flaps = said.get(registry)!.books.services.flaps.get(serviceKey(service))
    const rule = rules.get(registry)!.flapping
    return flaps === undefined || rule === undefined ? [] : flapIssues(service, flaps, rule)
  }
  for (const key of keys) {
    const previous = snapshot.services.get(key)
    const contributions = state.contributions.get(key)
    const isFresh = (endpoint: Endpoint): boolean =>
      freshness(key, endpoint.registry, endpoint).state === 'fresh'
    const next = contributions && unite({ key, contributions, select, notes, isFresh, precedence, previous })
    if (next === previous) continue
    services.set(key, next)
    if (next === undefined) changes.set(key, 'removed')
    else changes.set(key, next.attributes === previous?.attributes ? 'endpoints' : 'attributes')
  }
  return { services, changes }
}

/** Of an object that several sources define, the first in the order of the settings counts. */
const remergeConfigs = (
  { said, snapshot }: MergeState,
  keys: readonly string[],
): ReadonlyMap<string, ConfigObject | undefined> => {
  const changes = new Map<string, ConfigObject | undefined>()
  for (const key of keys) {
    const winner = [...said.values()].find(({ configs }) => configs.has(key))?.configs.get(key)
    if (!sameContent(winner, snapshot.configs.get(key))) changes.set(key, winner)
  }
  return changes
}

/** Issues of each source: what it says itself, and for configuration the objects that an earlier source defines too. */
const withIssues = (said: ReadonlyMap<string, Said>): ReadonlyMap<string, Said> => {
  const sources = [...said.values()].filter(({ state }) => state.role === 'config')
  return new Map(
    [...said].map(([name, one]) => {
      const twice = duplicates(one, sources.slice(0, Math.max(0, sources.indexOf(one))))
      const issues = twice.length === 0 ? one.issues : [...one.issues, ...twice]
      return [name, sameContent(issues, one.state.issues) ? one : { ...one, state: { ...one.state, issues } }]
    }),
  )
}

const duplicates = (one: Said, earlier: readonly Said[]): Issue[] => {
  if (earlier.length === 0) return []
  return [...one.configs].flatMap(([key, { origin }]) => {
    const first = earlier.find(({ configs }) => configs.has(key))
    if (first === undefined) return []
    const message = `${key} is defined by ${first.state.name}, which holds, and by ${one.state.name}, which is ignored.`
    return [meshIssue('PH2020', 'warning', message, { at: origin.at ?? one.state.name, object: key })]
  })
}

/** Services that may change with nothing but the freshness of this source. */
const disputes = ({ disputed, snapshot }: MergeState, source: string): readonly MeshServiceKey[] =>
  [...disputed.keys()].filter((key) => snapshot.services.get(key)?.registries.includes(source))

const isDisputed = (service: MeshService | undefined): boolean =>
  service?.issues.some(({ code }) => code === 'PH2015') ?? false

const sameState = (a: SourceState, b: SourceState): boolean =>
  sameContent({ ...a, lastUpdate: undefined }, { ...b, lastUpdate: undefined })

/** An event of a source that `initialState` was not given is a mistake of the caller, and throws. */
export const reduce = (before: MergeState, event: MergeEvent): MergeResult => {
  const known = before.said.get(event.source)
  if (known === undefined) throw new Error(`mesh: unknown source ${event.source}`)
  const step = advance(known, event, before.rules.get(event.source)!)
  const advanced = new Map(before.said).set(event.source, step.said)
  const quiet = step.configs.length === 0 && step.said.issues === known.issues
  const said = quiet ? advanced : withIssues(advanced)
  const { contributions, keys } = contribute(before, event.source, step.services)
  const keyOf = (service: Service): string => meshKeyOf(service, before.precedence)
  const selectors = indexSelectors(before.selection, step.services, keyOf)
  const selection = indexWorkloads(selectors, step.workloads)
  const middle: MergeState = { ...before, said, contributions, selection }
  const touched = new Set([
    ...keys,
    ...concerned(selection, step.workloads),
    ...step.noted.flatMap((key) => step.said.services.get(key) ?? []).map(keyOf),
    ...(step.marks ? disputes(before, event.source) : []),
  ])
  const merged = remerge(middle, touched)
  const configs = remergeConfigs(middle, step.configs)
  const disputed = before.disputed.with(
    new Map([...merged.services].map(([key, service]) => [key, isDisputed(service) || undefined])),
  )
  const { snapshot: old } = before
  const snapshot = snapshotOf(
    old.revision + 1,
    (old.services as SortedMap<MeshService>).with(merged.services),
    (old.configs as SortedMap<ConfigObject>).with(configs),
    middle,
  )
  const sourceChanged = [...said].some(([name, one]) => !sameState(before.said.get(name)!.state, one.state))
  return {
    state: { ...middle, disputed, snapshot },
    changes: { services: merged.changes, configs: new Set(configs.keys()) },
    changed: merged.changes.size > 0 || configs.size > 0 || sourceChanged || step.marks,
    touched: touched.size,
    delayed: step.delayed,
  }
}
