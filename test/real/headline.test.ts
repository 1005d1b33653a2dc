/**
 * One hostname with endpoints in Kubernetes, Consul, Nomad and Eureka at once. A real Envoy balances over all four, and
 * each registry is taken down and brought back under load: not one request may fail.
 */
import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { startApp } from '../support/apps.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { http1 } from '../support/clients.ts'
import { freePort } from '../support/ports.ts'
import { describe, type Load, startLoad } from '../support/traffic.ts'
import type { TestSidecar } from '../support/world.ts'
import {
  type Backend,
  consulBackend,
  eurekaBackend,
  hostname,
  kubernetesBackend,
  nomadBackend,
  outerAddress,
} from './support/backends.ts'
import { pilotOn, type RealPilot } from './support/pilot.ts'

const house = cleanup()
let backends: readonly Backend[]
let pilot: RealPilot
let client: TestSidecar
let address: string

before(
  async () => {
    address = outerAddress(house)
    backends = await Promise.all([
      kubernetesBackend(house),
      consulBackend(house),
      nomadBackend(house),
      eurekaBackend(house),
    ])
    for (const backend of backends) {
      const app = { kind: 'http', name: backend.kind, address, port: await freePort(address) } as const
      const { port } = house.add(await startApp(app), (it) => it.stop())
      await backend.register({ id: `orders-${backend.kind}`, address, port })
    }
    pilot = await pilotOn(
      house,
      backends.map((backend) => backend.settings()),
    )
    client = await pilot.sidecar('client')
    await until('a request to be answered', async () => (await ask()).status === 200, 60_000)
  },
  { timeout: 240_000 },
)
after(() => house.end())

const ask = () => http1({ to: client.outbound, host: hostname })
const load = () =>
  startLoad({ to: client.outbound, host: hostname, path: '/?delay=5', inFlight: 6, pause: 5 })
const stateOf = async (backend: Backend): Promise<string | undefined> => {
  const { registries } = await pilot.rest('/debug/registryz?limit=1')
  return registries.find((one: { name: string }) => one.name === backend.name)?.state
}

test('a real Envoy balances over all four', { timeout: 60_000 }, async (t) => {
  await until('the endpoints of all four', async () => (await endpoints()).length === 4, 30_000)
  const running = load()
  await until('answers of all four', () => running.counts.byApp.size === 4, 30_000)
  await until('a thousand answers', () => running.counts.ok > 1000, 30_000)
  const counts = await running.stop()
  t.diagnostic(describe(counts))
  assert.equal(counts.failed, 0, describe(counts))
  for (const count of counts.byApp.values()) assert.ok(count > counts.ok / 8, describe(counts))
})

const endpoints = () => pilot.rest(`/debug/endpointz?service=${hostname}`)

/** Under load from before the outage until the registry speaks again; its endpoint is used all the while. */
async function under(t: TestContext, backend: Backend, work: (load: Load) => Promise<void>): Promise<void> {
  const running = load()
  try {
    await work(running)
    const before = running.counts.byApp.get(backend.kind) ?? 0
    await until(
      'its endpoint to be used',
      () => (running.counts.byApp.get(backend.kind) ?? 0) > before + 50,
      30_000,
    )
    assert.equal((await endpoints()).length, 4)
  } finally {
    const counts = await running.stop()
    t.diagnostic(describe(counts))
    assert.equal(counts.failed, 0, describe(counts))
  }
}

/** What it says afterwards counts: an endpoint is added and taken away again. */
async function speaks(backend: Backend, load: Load): Promise<void> {
  const name = `${backend.kind}-more`
  const app = await startApp({ kind: 'http', name, address })
  try {
    await backend.register({ id: name, address, port: app.port })
    await until(`answers of ${name}`, () => (load.counts.byApp.get(name) ?? 0) > 0, 90_000)
    await backend.deregister(name)
    await until(`${name} to be gone`, async () => (await endpoints()).length === 4, 30_000)
    // The Pilot has let go of it; its Envoy hears that a moment later, and what is on its way must be answered.
    await until(
      'fifty answers, none of them its own',
      async () => {
        const [own, all] = [app.count(), load.counts.ok]
        await until('fifty answers', () => load.counts.ok > all + 50)
        return app.count() === own
      },
      30_000,
    )
  } finally {
    await app.stop()
  }
}

for (const kind of ['kubernetes', 'consul', 'nomad', 'eureka'] as const) {
  const backend = () => backends.find((each) => each.kind === kind)!
  test(`${kind} is killed and comes back with its data`, { timeout: 180_000 }, async (t) => {
    await under(t, backend(), async (running) => {
      await backend().kill()
      await until('it to be stale', async () => (await stateOf(backend())) === 'stale', 60_000)
      const during = running.counts.byApp.get(kind) ?? 0
      await until(
        'its endpoint to be used on',
        () => (running.counts.byApp.get(kind) ?? 0) > during + 50,
        30_000,
      )
      await backend().restart({ keepData: true })
      await until('it to be fresh', async () => (await stateOf(backend())) === 'fresh', 60_000)
      await speaks(backend(), running)
    })
  })
  test(`${kind} hangs and goes on`, { timeout: 180_000 }, async (t) => {
    await under(t, backend(), async (running) => {
      backend().pause()
      const during = running.counts.byApp.get(kind) ?? 0
      await until(
        'its endpoint to be used on',
        () => (running.counts.byApp.get(kind) ?? 0) > during + 200,
        30_000,
      )
      backend().resume()
      await speaks(backend(), running)
    })
  })
}
