/** Change to effect: a registry's API call to what the requests through a real Envoy show of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Backend,
  consulBackend,
  eurekaBackend,
  hostname,
  kubernetesBackend,
  nomadBackend,
  outerAddress,
} from '../../real/support/backends.ts'
import { pilotOn } from '../../real/support/pilot.ts'
import { startApp } from '../../support/apps.ts'
import { type Cleanup, cleanup, until } from '../../support/cleanup.ts'
import { http1 } from '../../support/clients.ts'
import { type Load, startLoad } from '../../support/traffic.ts'
import { percentile } from './table.ts'

export interface EffectRow {
  readonly registry: string
  readonly changes: number
  /** Milliseconds. */
  readonly 'added p50': number
  readonly 'added p99': number
  readonly 'removed p50': number
  readonly 'removed p99': number
  readonly requests: number
  readonly failed: number
}

const start = (kind: string, house: Cleanup): Promise<Backend> => {
  switch (kind) {
    case 'consul':
      return consulBackend(house)
    case 'nomad':
      return nomadBackend(house)
    case 'kubernetes':
      return kubernetesBackend(house)
    case 'eureka':
      return eurekaBackend(house)
    default:
      throw new Error(`--registries: there is no ${kind}`)
  }
}

/** An endpoint that stays, and one that comes and goes `changes` times, each time seen by the requests. */
export async function measureEffect(kind: string, changes: number): Promise<EffectRow> {
  const house = cleanup()
  try {
    const backend = await start(kind, house)
    const address = outerAddress(house)
    const [stays, comes] = await Promise.all(
      ['stays', 'comes'].map(async (name) =>
        house.add(await startApp({ kind: 'http', name, address }), (it) => it.stop()),
      ),
    )
    await backend.register({ id: 'stays', address, port: stays!.port })
    const pilot = await pilotOn(house, [backend.settings()])
    const client = await pilot.sidecar('client')
    const ask = () => http1({ to: client.outbound, host: hostname })
    await until('the first answer', async () => (await ask()).status === 200, 60_000)
    const load = startLoad({ to: client.outbound, host: hostname, inFlight: 4, pause: 1 })
    const added: number[] = []
    const removed: number[] = []
    for (let change = 0; change < changes; change++) {
      const id = `comes-${change}`
      await backend.register({ id, address, port: comes!.port })
      added.push(await firstAnswer(load))
      await backend.deregister(id)
      removed.push(await lastAnswer(load))
    }
    const counts = await load.stop()
    return {
      registry: kind,
      changes,
      'added p50': percentile(added, 50),
      'added p99': percentile(added, 99),
      'removed p50': percentile(removed, 50),
      'removed p99': percentile(removed, 99),
      requests: counts.ok + counts.failed,
      failed: counts.failed,
    }
  } finally {
    await house.end()
  }
}

const answers = (load: Load): number => load.counts.byApp.get('comes') ?? 0

async function firstAnswer(load: Load): Promise<number> {
  const began = performance.now()
  const before = answers(load)
  while (answers(load) === before) {
    if (performance.now() - began > 120_000)
      throw new Error('the new endpoint was not used within two minutes')
    await sleep(1)
  }
  return performance.now() - began
}

/** Over when it has not answered for 300 ms, which is some hundred requests of which it would get half. */
async function lastAnswer(load: Load): Promise<number> {
  const began = performance.now()
  let before = answers(load)
  let last = 0
  while (performance.now() - began - last < 300) {
    if (last > 120_000) throw new Error('the endpoint was still used after two minutes')
    await sleep(1)
    const now = answers(load)
    if (now !== before) last = performance.now() - began
    before = now
  }
  return last
}
