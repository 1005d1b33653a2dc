/** Who gets the requests: weights, health, locality and the order of registries, as a real Envoy carries them out. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { putFile } from '#src/demo/files.ts'
import type { Settings } from '#src/settings.ts'
import { type App, type Echo, startApp } from '../support/apps.ts'
import { type Cleanup, cleanup, until } from '../support/cleanup.ts'
import { http1 } from '../support/clients.ts'
import { type EndpointSpec, serviceEntry } from '../support/istio.ts'
import { type TestSidecar, type World, world } from '../support/world.ts'

const house = cleanup()
after(() => house.end())

const host = 'balanced.test.mesh'
const app = async (name: string): Promise<App> =>
  house.add(await startApp({ kind: 'http', name }), (each) => each.stop())
const at = (to: App, more: Partial<EndpointSpec> = {}): EndpointSpec => ({
  address: '127.0.0.1',
  ports: { http: to.port },
  ...more,
})
const service = (...endpoints: EndpointSpec[]) =>
  serviceEntry({ host, ports: [{ number: 80, name: 'http', protocol: 'HTTP' }], endpoints })
const health = (value: string) => ({ labels: { 'pilothouse.io/health': value } })

async function ask(from: TestSidecar): Promise<string> {
  const { status, body } = await http1({ to: from.outbound, host })
  return status === 200 ? (JSON.parse(body) as Echo).app : String(status)
}

/** How often each application answered. */
async function tally(from: TestSidecar, requests: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let i = 0; i < requests; i++) {
    const name = await ask(from)
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

/** Waits until the sidecar has what the Pilot knows: only these names answer, each of them. */
const onlyAnswer = (from: TestSidecar, ...names: string[]) =>
  until(`only ${names} to answer`, async () => {
    const counts = await tally(from, 10 * names.length)
    return Object.keys(counts).sort().join() === [...names].sort().join()
  })

test('weights share the requests, and health decides who takes any', async (t) => {
  const [a, b, c, d] = [await app('a'), await app('b'), await app('c'), await app('d')]
  const it = await world(house, { files: { service: [service(at(a, { weight: 3 }), at(b))] } })
  const client = await it.sidecar({ name: 'client', ip: it.ip(1) })

  await onlyAnswer(client, 'a', 'b')
  const counts = await tally(client, 400)
  t.diagnostic(`weights 3 and 1: ${JSON.stringify(counts)}`)
  assert.ok(counts.a! / counts.b! > 2 && counts.a! / counts.b! < 4.5, JSON.stringify(counts))

  await it.put('service', service(at(a, health('unhealthy')), at(b, health('draining')), at(c)))
  await onlyAnswer(client, 'c')
  // Envoy spares the degraded as long as 1.4 times the share of the healthy is all: three of four are, half are not.
  await it.put('service', service(at(a), at(c), at(d), at(b, health('degraded'))))
  await onlyAnswer(client, 'a', 'c', 'd')
  assert.equal((await tally(client, 200)).b, undefined)
  await it.put('service', service(at(a), at(b, health('degraded'))))
  await onlyAnswer(client, 'a', 'b')
  const shares = await tally(client, 400)
  t.diagnostic(`one healthy, one degraded: ${JSON.stringify(shares)}`)
  assert.ok(shares.a! / shares.b! > 1.5 && shares.a! / shares.b! < 4, JSON.stringify(shares))
  await it.put('service', service(at(a, health('unhealthy')), at(b, health('degraded'))))
  await onlyAnswer(client, 'b')
  // Nobody is well: no panic, a clear 503 rather than requests to those who can't answer.
  await it.put('service', service(at(a, health('unhealthy')), at(b, health('unhealthy'))))
  await onlyAnswer(client, '503')
})

test('with locality load balancing the nearest answer, and the next when they are not well', async () => {
  const [near, zone, far] = [await app('near'), await app('zone'), await app('far')]
  const endpoints = (nearHealth = 'healthy', zoneHealth = 'healthy') =>
    service(
      at(near, { ...health(nearHealth), locality: 'r1/z1/rack1' }),
      at(zone, { ...health(zoneHealth), locality: 'r1/z1/rack2' }),
      at(far, { locality: 'r2/z9' }),
    )
  const settings = (plain: Settings): Settings => ({
    ...plain,
    mesh: { ...plain.mesh, localityLbEnabled: true },
  })
  const it = await world(house, { files: { service: [endpoints()] }, settings })
  const place = (locality: object) => ({
    change: (bootstrap: { node: object }) => ({ ...bootstrap, node: { ...bootstrap.node, locality } }),
  })
  const here = await it.sidecar({
    ...{ name: 'here', ip: it.ip(1) },
    ...place({ region: 'r1', zone: 'z1', sub_zone: 'rack1' }),
  })
  const nowhere = await it.sidecar({ name: 'nowhere', ip: it.ip(2) })

  await onlyAnswer(here, 'near')
  await onlyAnswer(nowhere, 'near', 'zone', 'far')
  await it.put('service', endpoints('unhealthy'))
  await onlyAnswer(here, 'zone')
  await it.put('service', endpoints('unhealthy', 'unhealthy'))
  await onlyAnswer(here, 'far')
  await it.put('service', endpoints())
  await onlyAnswer(here, 'near')
})

/** A second file registry, after the world's own. */
async function secondRegistry(house: Cleanup, failover: readonly string[]) {
  const dir = house.add(await mkdtemp(join(tmpdir(), 'pilothouse-second-')), (path) =>
    rm(path, { recursive: true }),
  )
  const settings = (plain: Settings): Settings => ({
    ...plain,
    failover,
    registries: [...plain.registries, { kind: 'file', name: 'second', path: dir }],
  })
  return { dir, settings }
}

async function twoRegistries(failover: readonly string[]): Promise<{ it: World; client: TestSidecar }> {
  const [first, second] = [await app('first'), await app('second')]
  const { dir, settings } = await secondRegistry(house, failover)
  await putFile(dir, 'service.yaml', [service(at(second))])
  const it = await world(house, { files: { service: [service(at(first))] }, settings })
  return { it, client: await it.sidecar({ name: 'client', ip: it.ip(1) }) }
}

test('one hostname in two registries: their endpoints are united, each with its owner', async () => {
  const { it, client } = await twoRegistries([])
  await onlyAnswer(client, 'first', 'second')
  const endpoints = (await it.rest(`/debug/endpointz?service=${host}`)) as { registry: string }[]
  assert.equal(new Set(endpoints.map(({ registry }) => registry)).size, 2)
  // What the first registry takes back is the first's alone.
  await it.remove('service')
  await onlyAnswer(client, 'second')
})

test('one hostname in two registries in failover: the first as long as it has anyone well', async () => {
  const { it, client } = await twoRegistries(['*.test.mesh'])
  await onlyAnswer(client, 'first')
  const spare = await app('spare')
  await it.put('service', service(at(spare, health('unhealthy'))))
  await onlyAnswer(client, 'second')
  await it.put('service', service(at(spare)))
  await onlyAnswer(client, 'spare')
})
