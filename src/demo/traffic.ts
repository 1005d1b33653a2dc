/** Steady traffic from outside: requests to the sidecar of `web`, and who of `reviews` answered each. */
import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type DemoWorkload, hostOf } from './plan.ts'
import { get, type Said } from './services.ts'

export interface Sample {
  /** performance.now() when it was sent and when its answer was there. */
  readonly sent: number
  readonly answered: number
  /** The applications it came through, first to last; empty where it failed. */
  readonly chain: readonly string[]
  /** The version of `reviews` that answered. */
  readonly version: string
  readonly failure?: string
}

export interface Traffic {
  readonly samples: readonly Sample[]
  /** Samples sent at `time` (performance.now()) or later. */
  since(time: number): readonly Sample[]
  /** The same by the time of their end: those that were on their way at `time` too. */
  endedSince(time: number): readonly Sample[]
  stop(): Promise<void>
}

/** `inFlight` clients, each with a pause between its requests: about 100 requests a second together. */
export function startTraffic(web: DemoWorkload, inFlight = 4, pause = 35): Traffic {
  const agent = new Agent({ keepAlive: true })
  const samples: Sample[] = []
  let running = true
  const client = async () => {
    while (running) {
      samples.push(await sample(web, agent))
      await sleep(pause)
    }
  }
  const clients = Array.from({ length: inFlight }, client)
  return {
    samples,
    since: (time) => samples.filter((each) => each.sent >= time),
    endedSince: (time) => samples.filter((each) => each.answered >= time),
    async stop() {
      running = false
      await Promise.all(clients)
      agent.destroy()
    },
  }
}

/** One request to web's sidecar (its inbound listener), from there on through the mesh. */
export async function sample(web: DemoWorkload, agent?: Agent): Promise<Sample> {
  const sent = performance.now()
  const failed = (failure: string): Sample => {
    return { sent, answered: performance.now(), chain: [], version: '', failure }
  }
  try {
    const { status, body } = await get({ host: web.ip, port: web.appPort, agent }, hostOf('web'))
    if (status !== 200) return failed(`${status} ${body.trim()}`)
    const chain: Said[] = []
    for (let said: Said | undefined = JSON.parse(body); said; said = said.next) chain.push(said)
    return {
      sent,
      answered: performance.now(),
      chain: chain.map(({ app }) => app),
      version: chain[1]?.version ?? '',
    }
  } catch (error) {
    return failed((error as Error).message)
  }
}

/** `v1 120, v2 131`, by whatever `key` says of each answered request. */
export function countBy(samples: readonly Sample[], key: (sample: Sample) => string): string {
  const counts = new Map<string, number>()
  for (const each of samples) {
    if (!each.failure) counts.set(key(each), (counts.get(key(each)) ?? 0) + 1)
  }
  const sorted = [...counts].sort(([a], [b]) => a.localeCompare(b))
  return sorted.map(([name, count]) => `${name} ${count}`).join(', ') || 'none'
}
