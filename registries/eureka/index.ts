/** An Eureka registry (Netflix' 1.x protocol, as Spring Cloud's servers speak it). */
import { Observable } from 'rxjs'
import { createBackoff } from '#support/backoff.ts'
import type { Registry, RegistryDeps, RegistryUpdate } from '../registry.ts'
import { reasonOf, registryError } from '../trouble.ts'
import type { Ask, EurekaClient, Polled } from './client.ts'
import { createFollower } from './follower.ts'
import { createKnowledge } from './knowledge.ts'
import type { EurekaSettings } from './options.ts'
import { createServices } from './services.ts'
import { createSpeaker } from './speaker.ts'
import { createTranslate } from './translate.ts'

/** First wait after a failed look, ms. */
const FIRST_RETRY = 500

export function eurekaRegistry(
  settings: EurekaSettings,
  { clock, log }: RegistryDeps,
  random: () => number = Math.random,
): Registry {
  const updates = new Observable<RegistryUpdate>((subscriber) => {
    let client: EurekaClient | undefined
    const now = () => clock.now()
    const knowledge = createKnowledge(settings.holdMissing)
    const follower = createFollower({ ...settings, knowledge, now, log })
    const services = createServices(createTranslate(settings), settings.namespace, log)
    const speaker = createSpeaker({ knowledge, services, now })
    const backoff = createBackoff({
      first: FIRST_RETRY,
      last: Math.max(settings.pollInterval, 30_000),
      random,
    })
    const tell = (updates: readonly RegistryUpdate[]) => {
      for (const update of updates) if (!subscriber.closed) subscriber.next(update)
    }

    /** Looks when it is time to; in between, and only while there is a reason, around at other servers. */
    let lookAt = now()
    async function poll(ask: Ask): Promise<Polled> {
      const dueSurvey = follower.surveyAt()
      if (now() < lookAt && dueSurvey !== undefined && now() >= dueSurvey) await follower.survey(ask)
      else {
        const look = await follower.look(ask)
        if (look.kind === 'failed') {
          const wait = Math.max(backoff.next(), look.retryAfter ?? 0)
          lookAt = now() + wait
          const updates = speaker.trouble(look.error, lookAt)
          return { wait, tell: () => tell(updates) }
        }
        backoff.reset()
        // Up to a tenth earlier, so that many clients don't ask in one beat.
        lookAt = now() + settings.pollInterval * (1 - random() / 10)
      }
      knowledge.tick(now())
      const updates = speaker.heard(follower.expired())
      const wait = Math.max(0, Math.min(lookAt, follower.surveyAt() ?? lookAt) - now())
      return { wait, tell: () => tell(updates) }
    }

    /** A fault of ours is an outage of this registry alone. */
    const failed = (error: unknown): Polled => {
      log.error({ registry: settings.name, err: error }, 'following Eureka failed')
      const wait = backoff.next()
      const cause = registryError('PH3005', `${settings.servers[0]!.url}: ${reasonOf(error)}.`)
      return { wait, tell: () => tell(speaker.trouble(cause, now() + wait)) }
    }
    const { requestTimeout: timeout } = settings
    // The package is loaded only where an Eureka registry is used.
    import('./client.ts').then(
      ({ eurekaClient }) => {
        if (subscriber.closed) return
        client = eurekaClient({ ...settings, clock, timeout, poll: (ask) => poll(ask).catch(failed) })
        client.start()
      },
      (error) => failed(error).tell(),
    )
    return () => client?.stop()
  })
  return { name: settings.name, kind: 'eureka', updates }
}
