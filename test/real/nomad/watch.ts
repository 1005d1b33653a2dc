/** A Nomad registry under watch: what it said so far, added up as the mesh does. */
import type { TestContext } from 'node:test'
import { asyncScheduler } from 'rxjs'
import { type Service, serviceKey } from '#model/service.ts'
import type { NomadClient } from '#registries/nomad/api.ts'
import { createNomadClient } from '#registries/nomad/client.ts'
import { nomadRegistry } from '#registries/nomad/index.ts'
import type { NomadTiming } from '#registries/nomad/timing.ts'
import type { RegistryUpdate } from '#registries/registry.ts'
import type { Logger } from '#support/logger.ts'
import { nomadSettings } from '../../registries/nomad-settings.ts'
import { until } from '../../support/cleanup.ts'

type Trouble = Extract<RegistryUpdate, { kind: 'trouble' }>

/** Quick to try again; a question waits long enough that no test is decided by its end. */
export const timing: Partial<NomadTiming> = {
  wait: 30_000,
  retry: { first: 50, last: 400 },
  stream: { first: 50, last: 400 },
}

/** Counts what is open: questions, streams and the client itself. */
export function counting(client: NomadClient): {
  client: NomadClient
  open: () => number
  asked: () => readonly string[]
} {
  let open = 1
  const asked: string[] = []
  const during = <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => {
    open++
    let counts = true
    const end = () => {
      if (counts) open--
      counts = false
    }
    signal.addEventListener('abort', end, { once: true })
    work.then(end, end)
    return work
  }
  return {
    client: {
      place: client.place,
      get(ask) {
        asked.push(ask.path)
        return during(client.get(ask), ask.signal)
      },
      stream(query, hear, signal) {
        asked.push('/v1/event/stream')
        return during(client.stream(query, hear, signal), signal)
      },
      close() {
        open--
        client.close()
      },
    },
    open: () => open,
    asked: () => asked,
  }
}

export function watch(
  t: TestContext | undefined,
  fields: Readonly<Record<string, unknown>>,
  more: Partial<NomadTiming> = {},
  timeout = 3000,
) {
  let counted: ReturnType<typeof counting> | undefined
  const warnings: string[] = []
  const log: Logger = { debug() {}, info() {}, warn: (_, text) => void warnings.push(text), error() {} }
  const registry = nomadRegistry(nomadSettings(fields), {
    fetch,
    clock: asyncScheduler,
    log,
    timing: { ...timing, ...more },
    connect: ({ connection }) => {
      counted = counting(createNomadClient(connection, timeout))
      return counted.client
    },
  })
  const updates: RegistryUpdate[] = []
  const services = new Map<string, Service>()
  const lows: string[] = []
  let least: Readonly<Record<string, number>> = {}
  let trouble: Trouble | undefined
  let heardAt = performance.now()
  const subscription = registry.updates.subscribe((update) => {
    updates.push(update)
    heardAt = performance.now()
    if (update.kind === 'full') {
      services.clear()
      for (const service of update.services) services.set(serviceKey(service), service)
    } else if (update.kind === 'delta') {
      for (const service of update.changed) services.set(serviceKey(service), service)
      for (const key of update.removed) services.delete(key)
    }
    trouble = update.kind === 'trouble' ? update : undefined
    for (const [name, count] of Object.entries(least)) {
      const found = service(name)?.endpoints.length ?? 0
      if (found < count) lows.push(`${name}: ${found} instead of ${count} after ${JSON.stringify(update)}`)
    }
  })
  t?.after(() => subscription.unsubscribe())
  /** `name`, or `name.namespace`. */
  const service = (name: string) => {
    const [first, namespace = 'default'] = name.split('.')
    return services.get(`${namespace}/${first}.${namespace}.nomad`)
  }
  return {
    updates: updates as readonly RegistryUpdate[],
    services: services as ReadonlyMap<string, Service>,
    service,
    addresses: (name: string) =>
      service(name)
        ?.endpoints.map(({ address }) => address)
        .join(' '),
    health: (name: string) =>
      service(name)
        ?.endpoints.map(({ health }) => health)
        .join(' '),
    /** From now on each of these has so many endpoints in each word heard. */
    guard(next: Readonly<Record<string, number>>): void {
      least = next
    },
    lows: () => lows.splice(0),
    trouble: () => trouble,
    warnings: warnings as readonly string[],
    heardAt: () => heardAt,
    open: () => counted?.open() ?? 0,
    asked: () => counted?.asked() ?? [],
    until: async (what: string, holds: () => unknown, within = 20_000) => {
      await until(what, holds, within).catch((error: Error) => {
        throw new Error(`${error.message}; last heard ${JSON.stringify(updates.slice(-3))}`)
      })
    },
    stop: () => subscription.unsubscribe(),
  }
}
export type Watched = ReturnType<typeof watch>
