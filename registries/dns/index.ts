/** DNS as a registry: each name of the settings is a service, followed by the TTL of its records. */
import { Observable, type SchedulerLike, type Subscriber, type Subscription } from 'rxjs'
import { serviceKey } from '#model/service.ts'
import type { Registry, RegistryDeps, RegistryUpdate } from '../registry.ts'
import { type Ask, follow } from './follow.ts'
import type { DnsName, DnsSettings } from './options.ts'
import { settledServers } from './options.ts'
import { createReport } from './report.ts'
import { resolvConfReader } from './resolv-conf.ts'
import { nameState, questionsOf } from './translate.ts'

export interface DnsDeps extends Pick<RegistryDeps, 'clock' | 'log'> {
  /** Given in tests; otherwise the servers of the settings, else of the system. */
  readonly ask?: Ask
  readonly random?: () => number
}

/** What has not answered by then does not hold back the others' first word, ms. */
const FIRST_WORD = 10_000

export function dnsRegistry(settings: DnsSettings, deps: DnsDeps): Registry {
  return {
    name: settings.name,
    kind: 'dns',
    updates: new Observable((subscriber) => listen(settings, deps, subscriber)),
  }
}

function listen(settings: DnsSettings, deps: DnsDeps, subscriber: Subscriber<RegistryUpdate>): () => void {
  const { clock, random = Math.random } = deps
  const names = withEntries(settings.names)
  const report = createReport(names.map(({ name, entry }) => serviceKey({ ...name, entry })))
  let telling: Subscription | undefined
  let late = false
  const tell = (): void => {
    telling = undefined
    const states = names.map(({ name, entry, key }) =>
      nameState(name, entry, settings.name, follower.stateOf, report.told(key)),
    )
    for (const update of report.advance(states, { late, retryAt: follower.retryAt() }))
      subscriber.next(update)
  }
  // Answers of one turn are one update.
  const tellSoon = (): void => {
    telling ??= clock.schedule(tell)
  }
  const follower = follow({
    ask: deps.ask ?? askSystem(settings, clock),
    bounds: settings.ttl,
    clock,
    random,
    wanted: (stateOf) => names.flatMap(({ name }) => questionsOf(name, stateOf)),
    onHeard: tellSoon,
  })
  const firstWord = clock.schedule(() => {
    late = true
    tellSoon()
  }, FIRST_WORD)
  return () => {
    follower.stop()
    firstWord.unsubscribe()
    telling?.unsubscribe()
  }
}

/** Several names of one hostname (ports of a Kubernetes service, A beside SRV) are told apart, and united by the mesh. */
function withEntries(names: readonly DnsName[]) {
  const keys = names.map(serviceKey)
  return names.map((name, i) => {
    const alone = keys.every((key, j) => j === i || key !== keys[i])
    const entry = alone ? undefined : `${name.name}-${name.type.toLowerCase()}`
    return { name, entry, key: serviceKey({ ...name, entry }) }
  })
}

/** The library is loaded when the first question is asked: who follows no name pays nothing for it. */
function askSystem(settings: DnsSettings, clock: SchedulerLike): Ask {
  const fixed = settledServers(settings)
  const system = resolvConfReader(() => clock.now())
  const client = import('./client.ts')
  return async (question, signal) => {
    const { ask } = await client
    const servers = fixed ?? system()
    return ask(question, { ...servers, timeout: settings.timeout ?? servers.timeout }, signal)
  }
}
