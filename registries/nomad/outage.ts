/** What is in trouble, told once when it begins and when its kind changes, and what must be named when it ends. */
import type { SchedulerLike } from 'rxjs'
import type { Missing, PilotError } from '#model/issue.ts'
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

interface Trouble extends Missing {
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

  /** undefined: it is known already. */
  function begin<K>(map: Map<K, Trouble>, key: K, now: Omit<Trouble, 'since'>): Trouble | undefined {
    const known = map.get(key)
    const trouble = { ...now, since: known?.since ?? new Date(clock.now()) }
    map.set(key, trouble)
    return known?.error.code === now.error.code && known.whole === now.whole ? undefined : trouble
  }
  function say({ error, since, retryAt }: Trouble, services?: readonly ServiceKey[]): void {
    if (services?.length === 0) return
    tell({ kind: 'trouble', error, since, retryAt, ...(services ? { services } : {}) })
  }

  return {
    scopeTrouble(namespace: string, error: PilotError, retryAt: Date): void {
      const others = namespaces.filter((each) => each !== namespace)
      const whole = others.every((each) => scopes.has(each))
      const trouble = begin(scopes, namespace, { error, retryAt, whole })
      if (trouble) say(trouble, whole ? undefined : keysIn(namespace))
    },
    scopeFine(namespace: string): void {
      if (!scopes.delete(namespace)) return
      // The whole is back with the first of its namespaces; what is not back is in trouble by its services.
      back = true
      for (const key of keysIn(namespace)) again.add(key)
    },
    serviceTrouble(name: NameKey, error: PilotError, retryAt: Date): void {
      const trouble = begin(names, name, { error, retryAt, whole: false })
      if (trouble) say(trouble, keysOf(name))
    },
    serviceFine(name: NameKey): void {
      if (!names.delete(name)) return
      for (const key of keysOf(name)) again.add(key)
    },
    /** No namespace can be listed. */
    isWhole: (): boolean => namespaces.every((each) => scopes.has(each)),
    /** Why something is not known: of several the first. */
    first: (): Missing | undefined => [...scopes.values(), ...names.values()][0],
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
    /** A `full` has been told, which ends all trouble: what is left of it is told again. */
    toldAll(): void {
      back = false
      again.clear()
      for (const [namespace, trouble] of scopes) say(trouble, keysIn(namespace))
      for (const [name, trouble] of names) say(trouble, keysOf(name))
    },
  }
}
