/** Services kept up to date with their instances: a change of one touches only the hostnames it stands under. */
import type { Service, ServiceKey } from '#model/service.ts'
import { serviceKey } from '#model/service.ts'
import type { Logger } from '#support/logger.ts'
import type { Change } from '../told.ts'
import type { Translate } from './translate.ts'
import type { Instance } from './wire.ts'

export interface Services {
  /** undefined: the instance is gone. */
  put(key: string, instance: Instance | undefined): void
  /** Keys of the instances whose lease ran out long ago. */
  expired(keys: ReadonlySet<string>): void
  /** What differs since the last call. */
  take(): Required<Pick<Change, 'changed' | 'removed'>>
  all(): readonly Service[]
  /** The services that these instances belong to. */
  of(instances: ReadonlySet<string>): readonly ServiceKey[]
}

export function createServices(translate: Translate, namespace: string, log: Logger): Services {
  const members = new Map<string, Map<string, Instance>>()
  const hostsOf = new Map<string, readonly string[]>()
  const services = new Map<string, Service>()
  const dirty = new Set<string>()
  const warned = new Set<string>()
  let dead: ReadonlySet<string> = new Set()

  const touch = (key: string) => {
    for (const host of hostsOf.get(key) ?? []) dirty.add(host)
  }
  const keyOf = (hostname: string) => serviceKey({ hostname, namespace })

  function warn(instance: Instance): void {
    const problem = translate.problem(instance.facts)
    const words = problem && `instance ${instance.key} is left out: ${problem}`
    if (!words || warned.has(words) || warned.size >= 1000) return
    warned.add(words)
    log.warn({ instance: instance.key }, words)
  }

  return {
    put(key, instance) {
      touch(key)
      for (const host of hostsOf.get(key) ?? []) members.get(host)?.delete(key)
      hostsOf.delete(key)
      if (!instance) return
      warn(instance)
      const hosts = [...translate.hostnames(instance.facts).keys()]
      hostsOf.set(key, hosts)
      for (const host of hosts) {
        if (!members.has(host)) members.set(host, new Map())
        members.get(host)!.set(key, instance)
      }
      touch(key)
    },
    expired(keys) {
      for (const key of [...keys, ...dead]) if (keys.has(key) !== dead.has(key)) touch(key)
      dead = keys
    },
    take() {
      const changed: Service[] = []
      const removed: ServiceKey[] = []
      for (const host of dirty) {
        const instances = members.get(host)
        if (instances?.size === 0) members.delete(host)
        const service = instances && translate.service(host, [...instances.values()], dead)
        if (service) {
          services.set(host, service)
          changed.push(service)
        } else if (services.delete(host)) removed.push(keyOf(host))
      }
      dirty.clear()
      return { changed, removed }
    },
    all: () => [...services.values()],
    of(instances) {
      const hosts = new Set([...instances].flatMap((key) => hostsOf.get(key) ?? []))
      return [...hosts].filter((host) => services.has(host)).map(keyOf)
    },
  }
}
