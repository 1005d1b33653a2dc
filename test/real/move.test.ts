/** A service moves from Consul to Kubernetes, endpoint by endpoint, under load through a real Envoy: no request may fail. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type App, startApp } from '../support/apps.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { http1 } from '../support/clients.ts'
import { freePort } from '../support/ports.ts'
import { describe, startLoad } from '../support/traffic.ts'
import type { TestSidecar } from '../support/world.ts'
import { type Backend, consulBackend, hostname, kubernetesBackend, outerAddress } from './support/backends.ts'
import { pilotOn, type RealPilot } from './support/pilot.ts'

const house = cleanup()
let consul: Backend
let kubernetes: Backend
let pilot: RealPilot
let client: TestSidecar
let apps: readonly App[]

before(
  async () => {
    const address = outerAddress(house)
    ;[consul, kubernetes] = await Promise.all([consulBackend(house), kubernetesBackend(house)])
    apps = await Promise.all(
      ['one', 'two', 'three', 'four'].map(async (name) => {
        const spec = { kind: 'http', name, address, port: await freePort(address) } as const
        return house.add(await startApp(spec), (it) => it.stop())
      }),
    )
    for (const app of apps) await consul.register(instance(app))
    pilot = await pilotOn(house, [kubernetes.settings(), consul.settings()])
    client = await pilot.sidecar('client')
    const ask = () => http1({ to: client.outbound, host: hostname })
    await until('the first answer', async () => (await ask()).status === 200, 30_000)
  },
  { timeout: 170_000 },
)
after(() => house.end())

const instance = ({ name, address, port }: App) => ({ id: name, address, port })
/** `registry app`, for each endpoint. */
const endpoints = async (): Promise<string[]> => {
  const all: { registry: string; targetPort: number }[] = await pilot.rest(
    `/debug/endpointz?service=${hostname}`,
  )
  return all
    .map(({ registry, targetPort }) => `${registry} ${apps.find((app) => app.port === targetPort)?.name}`)
    .sort()
}

test('endpoint by endpoint, each in both for a moment', { timeout: 120_000 }, async (t) => {
  const load = house.add(
    startLoad({ to: client.outbound, host: hostname, path: '/?delay=5', inFlight: 6, pause: 3 }),
    (it) => it.stop(),
  )
  const moved: string[] = []
  for (const app of apps) {
    await kubernetes.register(instance(app))
    moved.push(app.name)
    // Counted once, for Kubernetes, which comes first.
    const rest = apps.map(({ name }) => name).filter((name) => !moved.includes(name))
    const wanted = [
      ...rest.map((name) => `${consul.name} ${name}`),
      ...moved.map((name) => `${kubernetes.name} ${name}`),
    ].sort()
    await until(`${app.name} to be Kubernetes' own`, async () => {
      const now = String(await endpoints())
      if (now === String(wanted)) return true
      throw new Error(`${now} instead of ${wanted}`)
    })
    await consul.deregister(app.name)
    const before = load.counts.ok
    await until('a hundred answers', () => load.counts.ok > before + 100)
    assert.deepEqual(await endpoints(), wanted)
  }
  await until('all to answer', () => load.counts.byApp.size === apps.length)
  const counts = await load.stop()
  t.diagnostic(describe(counts))
  assert.equal(counts.failed, 0, describe(counts))
})
