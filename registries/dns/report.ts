/** What is told of all names, and what of it is new: full, delta, and trouble of single names or of all. Pure. */
import type { Service, ServiceKey } from '#model/service.ts'
import type { RegistryUpdate } from '../registry.ts'
import { createTold, type Delta } from '../told.ts'
import type { NameState } from './translate.ts'

export interface ReportContext {
  /** Names that are not known by now are not waited for. */
  readonly late: boolean
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
  /** Code of the trouble of all of them. */
  let outage: string | undefined
  let synced = false

  /** What is known, as the first `full` or as a delta. */
  function content(states: readonly NameState[], all: boolean): RegistryUpdate | undefined {
    const services = states.flatMap(({ service }) => (service && service !== 'none' ? [service] : []))
    if (!synced) {
      if (!all && services.length + states.filter(({ service }) => service === 'none').length === 0)
        return undefined
      synced = true
      outage = undefined
      return told.full(services)
    }
    const removed = keys.filter((_, i) => states[i]!.service === 'none')
    const delta = told.change({ changed: services, removed })
    const over = [...troubled.keys()].filter((key) => !states[keys.indexOf(key)]!.trouble)
    return withEnded(delta, over)
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
      if (!synced && known < states.length && !(late && known > 0)) return []
      const update = content(states, known === states.length)
      return [...(update ? [update] : []), ...troubles(states, retryAt)]
    },
    told: told.service,
  }
}

const nothing: Delta = { kind: 'delta', changed: [], removed: [], changedWorkloads: [], removedWorkloads: [] }

/** Not one name can be asked: the registry as such is away. */
function outageOf(states: readonly NameState[]): Trouble | undefined {
  const [first, ...others] = states.map(({ trouble }) => trouble)
  if (!first?.whole || !others.every((trouble) => trouble?.whole)) return undefined
  const since = Math.min(first.since, ...others.map((trouble) => trouble!.since))
  return { ...first, since }
}

const toUpdate = ({ error, since }: Trouble, retryAt: number | undefined) => ({
  kind: 'trouble' as const,
  error,
  since: new Date(since),
  ...(retryAt !== undefined && { retryAt: new Date(retryAt) }),
})
