/** Consul: services of one or several datacenters, each followed by its own few blocking queries. */
import { Observable } from 'rxjs'
import type { PilotError } from '#model/issue.ts'
import { compileHostname } from '../hostname.ts'
import type { Registry, RegistryDeps, RegistryUpdate } from '../registry.ts'
import type { ConsulClient } from './answer.ts'
import { type DatacenterEvents, watchDatacenter } from './datacenter.ts'
import type { ConsulSettings, HOSTNAME_FIELDS } from './options.ts'
import { createTelling } from './telling.ts'
import { toInstance } from './translate.ts'
import { defaultTiming, type WatchTiming } from './watch.ts'

export interface ConsulDeps extends RegistryDeps {
  /** Given in tests. */
  readonly connect?: (connection: ConsulSettings['connection']) => ConsulClient
  readonly timing?: WatchTiming
  readonly random?: () => number
}

export function consulRegistry(settings: ConsulSettings, deps: ConsulDeps): Registry {
  const updates = new Observable<RegistryUpdate>((subscriber) => {
    let stop: (() => void) | undefined
    let left = false
    const start = (connect: NonNullable<ConsulDeps['connect']>) => {
      if (left) return
      stop = follow(settings, { ...deps, connect }, (update) => subscriber.next(update))
    }
    if (deps.connect) start(deps.connect)
    else void import('./client.ts').then(({ createConsulClient }) => start(createConsulClient))
    return () => {
      left = true
      stop?.()
    }
  })
  return { name: settings.name, kind: 'consul', updates }
}

type Followed = ConsulDeps & { readonly connect: NonNullable<ConsulDeps['connect']> }

function follow(
  settings: ConsulSettings,
  deps: Followed,
  emit: (update: RegistryUpdate) => void,
): () => void {
  const { clock, log, random = Math.random, timing = defaultTiming } = deps
  const client = deps.connect(settings.connection)
  const { namespace = 'default', partition = 'default' } = settings.connection
  const whole = namespace === 'default' && partition === 'default'
  const hostnameOf = compileHostname<(typeof HOSTNAME_FIELDS)[number]>(settings.hostname)
  // undefined: the agent's own.
  const datacenters = settings.datacenters.length > 0 ? settings.datacenters : [undefined]
  const telling = createTelling(settings, { clock, log, sources: datacenters.length }, emit)

  const watches = datacenters.map((datacenter, source) => {
    const mine = datacenter ?? ''
    const events: DatacenterEvents = {
      service(name, entries) {
        const hostname = hostnameOf({ service: name, datacenter: mine, namespace, partition })
        const instances = entries.flatMap((entry) => toInstance(entry, settings) ?? [])
        telling.service(source, name, hostname, instances)
      },
      newHistory: () => telling.newHistory(source),
      settled: () => telling.settled(source),
      trouble: (error, retryAt) => telling.trouble(source, about(error), retryAt),
      retries: (retryAt) => telling.retries(source, retryAt),
      doubted: (name, error, retryAt) => telling.doubted(source, name, error, retryAt),
    }
    const about = (error: PilotError): PilotError =>
      datacenter === undefined || datacenters.length === 1
        ? error
        : { ...error, message: `Datacenter ${datacenter}: ${error.message}` }
    const query = {
      ...(datacenter !== undefined && { dc: datacenter }),
      ...(settings.stale && { stale: '' }),
    }
    const isSkipped = (name: string) => name === 'consul' && !settings.includeConsul
    return watchDatacenter({ query, whole, isSkipped, timing }, { client, clock, random, log }, events)
  })
  return () => {
    telling.stop()
    for (const each of watches) each.stop()
    client.close()
  }
}
