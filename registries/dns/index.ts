/** DNS as a registry: each name of the settings is a service, followed by the TTL of its records. */
import { Observable, type SchedulerLike, type Subscriber } from 'rxjs'
import type { Missing } from '#model/issue.ts'
import { type Service, serviceKey } from '#model/service.ts'
import type { Logger } from '#support/logger.ts'
import type { Registry, RegistryDeps, RegistryUpdate } from '../registry.ts'
import { registryError } from '../trouble.ts'
import { type Ask, follow } from './follow.ts'
import type { DnsName, DnsSettings } from './options.ts'
import { settledServers } from './options.ts'
import { createReport } from './report.ts'
import { resolvConfReader } from './resolv-conf.ts'
import { type NameState, nameState, questionsOf, type StateOf } from './translate.ts'

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
  const names = withEntries(settings.names).map((each) => ({
    ...each,
    state: remembered(each.name, each.entry, settings.name),
  }))
  const report = createReport(names.map(({ name, entry }) => serviceKey({ ...name, entry })))
  const sayIfAbsent = absence(settings.name, deps.log)
  let late: Missing | undefined
  const tell = (): void => {
    const states = names.map(({ key, state }) => state(follower.stateOf, report.told(key)))
    for (const [i, { service }] of states.entries()) sayIfAbsent(names[i]!.name, service)
    for (const update of report.advance(states, { late, retryAt: follower.retryAt() }))
      subscriber.next(update)
  }
  const follower = follow({
    ask: deps.ask ?? askSystem(settings, clock),
    bounds: settings.ttl,
    clock,
    random,
    wanted: (stateOf) => names.flatMap(({ name }) => questionsOf(name, stateOf)),
    onHeard: tell,
  })
  const since = new Date(clock.now())
  const firstWord = clock.schedule(() => {
    late = {
      error: registryError('PH3001', `Not every name has answered within ${FIRST_WORD / 1_000} s.`),
      since,
    }
    tell()
  }, FIRST_WORD)
  return () => {
    follower.stop()
    firstWord.unsubscribe()
  }
}

/** The state of a name, made anew only where something that it depends on is new. */
function remembered(name: DnsName, entry: string | undefined, registry: string) {
  let inputs: readonly unknown[] = []
  let state: NameState = {}
  return (stateOf: StateOf, told: Service | undefined): NameState => {
    const now = [told, ...questionsOf(name, stateOf).map(stateOf)]
    if (now.length !== inputs.length || now.some((each, i) => each !== inputs[i]))
      state = nameState(name, entry, registry, stateOf, told)
    inputs = now
    return state
  }
}

/** Says in the log that a name does not exist, and that it is back. */
function absence(registry: string, log: Logger) {
  const absent = new Set<DnsName>()
  return (name: DnsName, service: NameState['service']): void => {
    const of = { registry, name: name.name, type: name.type }
    if (service === 'none' && !absent.has(name)) {
      absent.add(name)
      log.warn(
        of,
        `${name.name} has no ${name.type} records: there is no such service (correct the name, or wait until it is registered)`,
      )
    } else if (service !== undefined && service !== 'none' && absent.delete(name))
      log.info(of, `${name.name} has ${name.type} records again`)
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
