/** What is in trouble, told once when it begins and when its kind changes, and what must be named when it ends. */
import type { SchedulerLike } from 'rxjs'
import type { PilotError } from '#model/issue.ts'
import { type ServiceKey, serviceKey } from '#model/service.ts'
import type { RegistryUpdate } from '../registry.ts'
import type { Delta, Told } from '../told.ts'
import type { NameKey } from './book.ts'

export interface OutageDeps {
  readonly clock: SchedulerLike
  readonly namespaces: readonly string[]
  readonly told: Told
  /** The services that a name, or all names of a namespace, make in the mesh. */
  readonly keysOf: (name: NameKey) => readonly ServiceKey[]
  readonly keysIn: (namespace: string) => readonly ServiceKey[]
  readonly tell: (update: RegistryUpdate) => void
}

interface Trouble {
  readonly code: string
  readonly since: Date
  /** The registry as such was told to be in trouble. */
  readonly whole: boolean
}

const NOTHING: Delta = { kind: 'delta', changed: [], removed: [], changedWorkloads: [], removedWorkloads: [] }

export type Outage = ReturnType<typeof createOutage>

export function createOutage({ clock, namespaces, told, keysOf, keysIn, tell }: OutageDeps) {
  const scopes = new Map<string, Trouble>()
  const names = new Map<NameKey, Trouble>()
  /** To be named in the next delta, and that there must be one. */
  const again = new Set<ServiceKey>()
  let back = false

  function begin<K>(map: Map<K, Trouble>, key: K, error: PilotError, whole: boolean): Trouble | undefined {
    const known = map.get(key)
    if (known?.code === error.code && known.whole === whole) return undefined
    const trouble = { code: error.code, since: known?.since ?? new Date(clock.now()), whole }
    map.set(key, trouble)
    return trouble
  }

  return {
    scopeTrouble(namespace: string, error: PilotError, retryAt: Date): void {
      const others = namespaces.filter((each) => each !== namespace)
      const whole = others.every((each) => scopes.has(each))
      const trouble = begin(scopes, namespace, error, whole)
      if (!trouble) return
      const { since } = trouble
      const services = whole ? undefined : keysIn(namespace)
      if (services?.length === 0) return
      tell({ kind: 'trouble', error, since, retryAt, ...(services ? { services } : {}) })
    },
    scopeFine(namespace: string): void {
      if (!scopes.delete(namespace)) return
      // The whole is back with the first of its namespaces; what is not back is in trouble by its services.
      back = true
      for (const key of keysIn(namespace)) again.add(key)
    },
    serviceTrouble(name: NameKey, error: PilotError, retryAt: Date): void {
      const trouble = begin(names, name, error, false)
      const services = keysOf(name)
      if (!trouble || services.length === 0) return
      tell({ kind: 'trouble', error, since: trouble.since, retryAt, services })
    },
    serviceFine(name: NameKey): void {
      if (!names.delete(name)) return
      for (const key of keysOf(name)) again.add(key)
    },
    servicesInTrouble: (): boolean => names.size > 0,
    /** The delta to tell: what has changed, and what has come back as it was. */
    with(change: Delta | undefined): Delta | undefined {
      const named = new Set(again)
      if (!back && named.size === 0) return change
      back = false
      again.clear()
      const changed = change?.changed ?? []
      for (const service of changed) named.delete(serviceKey(service))
      const same = [...named].flatMap((key) => told.service(key) ?? [])
      return { ...(change ?? NOTHING), changed: [...changed, ...same] }
    },
    /** A `full` has been told. */
    toldAll(): void {
      back = false
      again.clear()
    },
  }
}
