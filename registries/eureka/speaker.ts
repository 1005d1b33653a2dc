/** What the mesh is told: `full` first and for a new history, else what differs; trouble when it begins and changes. */
import type { PilotError } from '#model/issue.ts'
import type { ServiceKey } from '#model/service.ts'
import type { RegistryUpdate } from '../registry.ts'
import { createTold, type Delta } from '../told.ts'
import { registryError } from '../trouble.ts'
import type { Knowledge } from './knowledge.ts'
import type { Services } from './services.ts'

export interface Speaker {
  /** After a good look. */
  heard(expired: ReadonlySet<string>): readonly RegistryUpdate[]
  trouble(error: PilotError, retryAt: number): readonly RegistryUpdate[]
}

export interface SpeakerOptions {
  readonly knowledge: Knowledge
  readonly services: Services
  readonly now: () => number
}

export function createSpeaker({ knowledge, services, now }: SpeakerOptions): Speaker {
  const told = createTold()
  let synced = false
  let outage: { readonly since: number; readonly code: string } | undefined
  /** Services in trouble because instances of theirs are missing. */
  let doubted: ReadonlySet<ServiceKey> = new Set()

  function heard(expired: ReadonlySet<string>): readonly RegistryUpdate[] {
    const news = knowledge.take()
    for (const [key, instance] of news.instances) services.put(key, instance)
    services.expired(expired)
    const change = services.take()
    const wasOut = outage !== undefined
    outage = undefined
    const doubt = knowledge.doubt()
    const doubtful = new Set(doubt ? services.of(knowledge.missing()) : [])
    const updates: RegistryUpdate[] = []
    if (!synced || news.newHistory) updates.push(told.full(services.all()))
    else {
      const relieved = [...doubted].filter((key) => !doubtful.has(key))
      const delta = withRelieved(told.change(change), relieved)
      if (delta) updates.push(delta)
      else if (wasOut) updates.push(NOTHING)
    }
    synced = true
    // Any word on a service ends its trouble, so it is said again.
    const again = updates.length > 0 || [...doubtful].some((key) => !doubted.has(key))
    if (doubt && doubtful.size > 0 && again) updates.push(missingTrouble(doubt, [...doubtful]))
    doubted = doubtful
    return updates
  }

  /** The services whose doubt is over are named, be they the same as before. */
  function withRelieved(delta: Delta | undefined, relieved: readonly ServiceKey[]): Delta | undefined {
    const named = new Set(delta?.changed)
    const more = relieved.flatMap((key) => told.service(key) ?? []).filter((service) => !named.has(service))
    return more.length > 0 ? { ...(delta ?? NOTHING), changed: [...named, ...more] } : delta
  }

  function missingTrouble(
    doubt: { since: number; until: number },
    keys: readonly ServiceKey[],
  ): RegistryUpdate {
    const count = knowledge.missing().size
    const message = `${count} instance${count === 1 ? '' : 's'} known before ${count === 1 ? 'is' : 'are'} not in the answer of a restarted or other Eureka server, and nobody said that they were deregistered.`
    return {
      kind: 'trouble',
      error: registryError('PH3006', message),
      since: new Date(doubt.since),
      retryAt: new Date(doubt.until),
      services: keys,
    }
  }

  return {
    heard,
    trouble(error, retryAt) {
      if (outage?.code === error.code) return []
      outage = { since: outage?.since ?? now(), code: error.code }
      return [{ kind: 'trouble', error, since: new Date(outage.since), retryAt: new Date(retryAt) }]
    },
  }
}

const NOTHING: Delta = { kind: 'delta', changed: [], removed: [], changedWorkloads: [], removedWorkloads: [] }
