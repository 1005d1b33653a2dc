/** What is told of all names, and what of it is new: full, delta, and trouble of single names or of all. Pure. */
import type { Missing } from '#model/issue.ts'
import type { Service, ServiceKey } from '#model/service.ts'
import type { RegistryUpdate } from '../registry.ts'
import { createTold, type Delta } from '../told.ts'
import type { NameState } from './translate.ts'

export interface ReportContext {
  /** Names that are not known by now are not waited for: what there is to say of those without trouble of their own. */
  readonly late: Missing | undefined
  /** Ms. */
  readonly retryAt: number | undefined
}

export interface Report {
  /** The updates that tell how things are now: none where nothing is new. `states` in the order of the keys. */
  advance(states: readonly NameState[], context: ReportContext): readonly RegistryUpdate[]
  told(key: ServiceKey): Service | undefined
}

type Trouble = NonNullable<NameState['trouble']>

export function createReport(keys: readonly ServiceKey[]): Report {
  const told = createTold()
  /** Names whose trouble has been told, with its code. */
  const troubled = new Map<ServiceKey, string>()
  /** Names of which nothing has been said, and which the mesh may know from before. */
  const unsaid = new Set(keys)
  /** Code of the trouble of all of them. */
  let outage: string | undefined
  /** What has been told as a whole. */
  let synced: 'nothing' | 'a part' | 'all' = 'nothing'

  /** All that is known, and why some of it is not. */
  function whole(states: readonly NameState[], missing: Missing | undefined): RegistryUpdate {
    synced = missing === undefined ? 'all' : 'a part'
    outage = undefined
    troubled.clear()
    if (missing === undefined) unsaid.clear()
    return told.full(states.flatMap(serviceOf), [], missing)
  }

  /** What of it is new. */
  function difference(states: readonly NameState[]): Delta | undefined {
    const removed = keys.filter((_, i) => states[i]!.service === 'none')
    const delta = told.change({ changed: states.flatMap(serviceOf), removed })
    const over = [...troubled.keys()].filter((key) => !states[keys.indexOf(key)]!.trouble)
    return withEnded(withGone(delta, states), over)
  }

  /** Also removes what has never been told and is known not to exist: the mesh may have kept it. */
  function withGone(delta: Delta | undefined, states: readonly NameState[]): Delta | undefined {
    const known = keys.filter((key, i) => states[i]!.service !== undefined && unsaid.delete(key))
    const gone = known.filter((key) => told.service(key) === undefined)
    if (gone.length === 0) return delta
    return { ...(delta ?? nothing), removed: [...(delta?.removed ?? []), ...gone] }
  }

  /** Names what is over, be its content the same: so the mesh hears of the end. */
  function withEnded(delta: Delta | undefined, over: readonly ServiceKey[]): Delta | undefined {
    for (const key of over) troubled.delete(key)
    if (!delta && over.length === 0 && outage === undefined) return undefined
    outage = undefined
    const named = new Set(delta?.changed)
    const ended = over.flatMap((key) => told.service(key) ?? []).filter((service) => !named.has(service))
    return { ...(delta ?? nothing), changed: [...named, ...ended] }
  }

  function troubles(states: readonly NameState[], retryAt: number | undefined): RegistryUpdate[] {
    const byCode = new Map<string, { readonly keys: ServiceKey[]; readonly first: Trouble }>()
    states.forEach(({ trouble }, i) => {
      const key = keys[i]!
      if (!trouble || troubled.get(key) === trouble.error.code) return
      troubled.set(key, trouble.error.code)
      const group = byCode.get(trouble.error.code) ?? { keys: [], first: trouble }
      group.keys.push(key)
      byCode.set(trouble.error.code, group)
    })
    return [...byCode.values()].map(({ keys: services, first }) => ({
      ...toUpdate(first, retryAt),
      services,
    }))
  }

  return {
    advance(states, { late, retryAt }) {
      const worst = outageOf(states)
      if (worst) {
        if (worst.error.code === outage) return []
        outage = worst.error.code
        return [toUpdate(worst, retryAt)]
      }
      const known = states.filter(({ service }) => service !== undefined).length
      const complete = known === states.length
      if (synced === 'nothing' && !complete && !(late && known > 0)) return []
      const missing = complete ? undefined : (missingOf(states, retryAt) ?? late)
      const isWhole = synced === 'nothing' || (synced === 'a part' && complete)
      const first = isWhole ? whole(states, missing) : undefined
      const delta = difference(states)
      return [...(first ? [first] : []), ...(delta ? [delta] : []), ...troubles(states, retryAt)]
    },
    told: told.service,
  }
}

const nothing: Delta = { kind: 'delta', changed: [], removed: [], changedWorkloads: [], removedWorkloads: [] }

const serviceOf = ({ service }: NameState): readonly Service[] =>
  service === undefined || service === 'none' ? [] : [service]

/** Why a name is not known: of several the first. */
function missingOf(states: readonly NameState[], retryAt: number | undefined): Missing | undefined {
  const trouble = states.find((each) => each.service === undefined && each.trouble)?.trouble
  return trouble && toMissing(trouble, retryAt)
}

/** Not one name can be asked: the registry as such is away. */
function outageOf(states: readonly NameState[]): Trouble | undefined {
  const [first, ...others] = states.map(({ trouble }) => trouble)
  if (!first?.whole || !others.every((trouble) => trouble?.whole)) return undefined
  const since = Math.min(first.since, ...others.map((trouble) => trouble!.since))
  return { ...first, since }
}

const toMissing = ({ error, since }: Trouble, retryAt: number | undefined): Missing => ({
  error,
  since: new Date(since),
  ...(retryAt !== undefined && { retryAt: new Date(retryAt) }),
})

const toUpdate = (trouble: Trouble, retryAt: number | undefined) => ({
  kind: 'trouble' as const,
  ...toMissing(trouble, retryAt),
})
