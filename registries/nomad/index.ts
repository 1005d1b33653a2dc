/** Nomad's native services (https://developer.hashicorp.com/nomad/docs/networking/service-discovery). */
import { Observable } from 'rxjs'
import type { Registry, RegistryDeps, RegistryUpdate } from '../registry.ts'
import type { NomadClient } from './api.ts'
import type { NomadSettings } from './options.ts'
import { startSession } from './session.ts'
import { type NomadTiming, TIMING } from './timing.ts'

export interface NomadDeps extends RegistryDeps {
  /** Nomad's API in a test's place; loaded when it is used. */
  readonly connect?: (settings: NomadSettings) => Promise<NomadClient> | NomadClient
  readonly timing?: Partial<NomadTiming>
  /** 0 to 1, for what must not happen everywhere at once. */
  readonly random?: () => number
}

export function nomadRegistry(settings: NomadSettings, deps: NomadDeps): Registry {
  const { connect = load, random = Math.random } = deps
  const updates = new Observable<RegistryUpdate>((subscriber) => {
    const ending = new AbortController()
    const begin = (client: NomadClient) => {
      if (ending.signal.aborted) return client.close()
      ending.signal.addEventListener('abort', () => client.close(), { once: true })
      startSession(settings, {
        ...deps,
        client,
        random,
        timing: { ...TIMING, ...deps.timing },
        signal: ending.signal,
        tell: (update) => subscriber.next(update),
      })
    }
    const client = connect(settings)
    if (client instanceof Promise) void client.then(begin)
    else begin(client)
    return () => ending.abort()
  })
  return { name: settings.name, kind: 'nomad', updates }
}

async function load({ connection }: NomadSettings): Promise<NomadClient> {
  const { createNomadClient } = await import('./client.ts')
  return createNomadClient(connection)
}
