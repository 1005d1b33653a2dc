/**
 * Who is registered: connections and groups in, workloads out. Pure; time is given.
 *
 * A workload is there while a proxy of it is connected, and a grace period longer. What was registered before a restart
 * is there until its proxy could have come back. A group that is taken away takes its workloads along, as in Istio, where
 * it owns them.
 */
import { type Workload, workloadKey } from '#model/service.ts'
import { entryName, type Group, groupObject, refusal, toWorkload } from './entry.ts'
import type { RegisteringProxy } from './proxy.ts'

export interface RegistrationRules {
  readonly registry: string
  /** How long a workload is kept without a connection, ms. */
  readonly gracePeriod: number
  /** The same for one that is known from before a start: so long may its proxy take to come back. */
  readonly returnPeriod: number
}

/** Something an operator should know. */
export interface Remark {
  readonly what: 'registered' | 'returned' | 'left' | 'gone' | 'waiting' | 'refused'
  readonly message: string
  readonly node?: string
}

export interface Registrations {
  connect(proxy: RegisteringProxy): readonly Remark[]
  disconnect(stream: string, at: number): readonly Remark[]
  /** Proxies can connect from `at` on. */
  open(at: number): void
  /** All groups that there are, by `namespace/name`. */
  setGroups(groups: ReadonlyMap<string, Group>): readonly Remark[]
  /** Time has passed. */
  tick(at: number): readonly Remark[]
  workloads(): readonly Workload[]
  /** Those of them that are connected here. */
  connected(): readonly Workload[]
  /** When `tick` is due, ms; undefined: nothing waits. */
  due(): number | undefined
}

interface Entry {
  readonly name: string
  /** Connections of it, oldest first. */
  readonly streams: Set<string>
  /** Who connected last; undefined: it is from before a start. */
  proxy?: RegisteringProxy
  /** As it was before a start. */
  readonly restored?: Workload
  /** When it goes; undefined while it is connected, and before proxies can connect. */
  until?: number
}

const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`

export function createRegistrations(rules: RegistrationRules, restored: readonly Workload[]): Registrations {
  const entries = new Map<string, Entry>(
    restored.map((workload) => [
      workloadKey(workload),
      { name: workload.workload, streams: new Set(), restored: workload },
    ]),
  )
  const byStream = new Map<string, string>()
  /** Undefined: not known yet, so that nothing can be said of them. */
  let groups: ReadonlyMap<string, Group> | undefined

  function groupOf(entry: Entry): Group | undefined {
    if (entry.proxy) return groups?.get(keyOf(entry.proxy.namespace, entry.proxy.group))
    const object = entry.restored?.origin.object
    return [...(groups?.values() ?? [])].find((group) => groupObject(group.namespace, group.name) === object)
  }
  function workloadOf(entry: Entry): Workload | undefined {
    if (groups === undefined) return entry.restored
    const group = groupOf(entry)
    if (!entry.proxy) return group && entry.restored
    if (!group || refusal(entry.proxy, group)) return undefined
    return toWorkload(entry.proxy, entry.name, group, rules.registry)
  }
  /** Why a connected proxy is not registered, if it is not. */
  function complaint({ proxy }: Entry): Remark | undefined {
    if (!proxy || groups === undefined) return undefined
    const group = groups.get(keyOf(proxy.namespace, proxy.group))
    const about = `${proxy.node} asks to be registered in the WorkloadGroup ${keyOf(proxy.namespace, proxy.group)}`
    if (!group)
      return {
        what: 'waiting',
        node: proxy.node,
        message: `${about}, which there is not: it is registered when there is one (create it in the proxy's namespace, or correct AUTO_REGISTER_GROUP)`,
      }
    const reason = refusal(proxy, group)
    return reason === undefined
      ? undefined
      : { what: 'refused', node: proxy.node, message: `${about}: ${reason}` }
  }

  return {
    connect(proxy) {
      const name = entryName(proxy)
      if (name === undefined) {
        const message = `${proxy.node} asks to be registered in the WorkloadGroup ${proxy.group}, but its address "${proxy.ip}" and network "${proxy.network}" make no name (bootstrap it with --ip)`
        return [{ what: 'refused', node: proxy.node, message }]
      }
      const key = keyOf(proxy.namespace, name)
      const known = entries.get(key)
      const entry = known ?? { name, streams: new Set<string>() }
      const returned = known !== undefined && known.streams.size === 0
      entry.streams.add(proxy.stream)
      entry.proxy = proxy
      entry.until = undefined
      entries.set(key, entry)
      byStream.set(proxy.stream, key)
      const complained = complaint(entry)
      if (complained) return [complained]
      if (known && !returned) return []
      return [
        {
          what: returned ? 'returned' : 'registered',
          node: proxy.node,
          message: `${key} has ${returned ? 'come back' : 'registered itself'}`,
        },
      ]
    },
    disconnect(stream, at) {
      const key = byStream.get(stream)
      const entry = key === undefined ? undefined : entries.get(key)
      byStream.delete(stream)
      if (!entry?.streams.delete(stream) || entry.streams.size > 0) return []
      entry.until = at + rules.gracePeriod
      return [
        {
          what: 'left',
          node: entry.proxy?.node,
          message: `${key} has no connection any more; it goes in ${rules.gracePeriod} ms`,
        },
      ]
    },
    open(at) {
      for (const entry of entries.values())
        if (entry.streams.size === 0) entry.until ??= at + rules.returnPeriod
    },
    setGroups(next) {
      const before = new Set(
        groups === undefined ? [] : [...entries].filter(([, entry]) => complaint(entry)).map(([key]) => key),
      )
      groups = next
      return [...entries].flatMap(([key, entry]) => {
        const complained = complaint(entry)
        if (complained) return before.has(key) ? [] : [complained]
        return before.has(key)
          ? [
              {
                what: 'registered' as const,
                node: entry.proxy?.node,
                message: `${key} has registered itself`,
              },
            ]
          : []
      })
    },
    tick(at) {
      const gone = [...entries].filter(([, { until }]) => until !== undefined && until <= at)
      for (const [key] of gone) entries.delete(key)
      return gone.map(([key, { proxy }]) => ({
        what: 'gone' as const,
        node: proxy?.node,
        message: `${key} has not come back`,
      }))
    },
    workloads: () => [...entries.values()].flatMap((entry) => workloadOf(entry) ?? []),
    connected: () =>
      [...entries.values()].flatMap((entry) => (entry.streams.size > 0 ? (workloadOf(entry) ?? []) : [])),
    due() {
      let first: number | undefined
      for (const { until } of entries.values())
        if (until !== undefined && (first === undefined || until < first)) first = until
      return first
    },
  }
}
