/** A real cluster whose API server or etcd goes away, stands still, comes back, or comes back without its data. */
import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { cleanup } from '../../support/cleanup.ts'
import { type KubernetesServer, startKubernetes } from '../../testbed/index.ts'
import { numbered, put } from './objects.ts'
import { type RegistryOptions, registryOn, type Watched, watch } from './watch.ts'

const house = cleanup()
let server: KubernetesServer

before(
  async () => {
    server = house.add(await startKubernetes(), (it) => it.stop())
    await fill()
  },
  { timeout: 150_000 },
)
after(() => house.end())

async function fill(): Promise<void> {
  await put(server, 'web', numbered(12))
  await put(server, 'api', numbered(3, 1))
}
async function follow(t: TestContext, options: RegistryOptions = {}): Promise<Watched> {
  const watched = watch(registryOn(server.kubeconfig, options).registry)
  t.after(watched.stop)
  await watched.until('synced', () => watched.updates.length > 0)
  watched.guard({ web: 12, api: 3 })
  return watched
}
let changes = 0
async function heardAgain(watched: Watched): Promise<void> {
  const addresses = numbered(3 + (++changes % 2), 1)
  await put(server, 'api', addresses)
  await watched.until('a change', () => watched.addresses('api') === addresses.join(' '))
}
const oneHistory = ({ updates }: Watched) => updates.filter(({ kind }) => kind === 'full').length === 1

test('the API server is killed, and restarted with its data', { timeout: 120_000 }, async (t) => {
  const watched = await follow(t)
  await server.apiserver.kill()
  await watched.until('trouble', () => watched.trouble())
  assert.equal(watched.trouble()!.error.code, 'PH3001')
  await server.apiserver.restart({ keepData: true })
  await watched.until('the end of it', () => !watched.trouble())
  await heardAgain(watched)
  assert.ok(oneHistory(watched))
  assert.deepEqual(watched.lows(), [])
})

test('what was deregistered while the API server was away from us is told afterwards', {
  timeout: 120_000,
}, async (t) => {
  await put(server, 'gone', ['10.9.0.1'])
  const watched = await follow(t)
  server.apiserver.pause()
  const deleting = server.api('DELETE', '/api/v1/namespaces/default/services/gone')
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.ok(watched.service('gone'))
  server.apiserver.resume()
  await deleting
  await watched.until('it went', () => !watched.service('gone'))
  assert.ok(oneHistory(watched))
})

test('the API server stands still (SIGSTOP): told, nothing goes, and it goes on', {
  timeout: 120_000,
}, async (t) => {
  const watched = await follow(t, { timing: { silence: 2000, answer: 1500 } })
  server.apiserver.pause()
  t.after(() => server.apiserver.resume())
  await watched.until('trouble', () => watched.trouble())
  assert.equal(watched.trouble()!.error.code, 'PH3001')
  server.apiserver.resume()
  await watched.until('the end of it', () => !watched.trouble(), 60_000)
  await heardAgain(watched)
  assert.ok(oneHistory(watched))
  assert.deepEqual(watched.lows(), [])
})

test('etcd is killed under a running API server, and comes back', { timeout: 170_000 }, async (t) => {
  const watched = await follow(t, { timing: { silence: 4000, answer: 4000 } })
  await server.etcd.kill()
  await watched.until('trouble', () => watched.trouble(), 60_000)
  assert.ok(['PH3001', 'PH3004'].includes(watched.trouble()!.error.code))
  await server.etcd.restart({ keepData: true })
  await watched.until('the end of it', () => !watched.trouble(), 60_000)
  await heardAgain(watched)
  assert.ok(oneHistory(watched))
  assert.deepEqual(watched.lows(), [])
})

test('versions that etcd has compacted (410): everything is listed again, nothing is lost', {
  timeout: 120_000,
}, async (t) => {
  const watched = await follow(t)
  await server.expireWatches()
  await heardAgain(watched)
  assert.ok(oneHistory(watched))
  assert.deepEqual(watched.lows(), [])
})

test('etcd comes back empty: another history, told whole, so that the mesh can hold it back', {
  timeout: 170_000,
}, async (t) => {
  const watched = await follow(t)
  const before = watched.updates.length
  await server.restart({ keepData: false })
  await watched.until(
    'another full',
    () => watched.updates.slice(before).some(({ kind }) => kind === 'full'),
    60_000,
  )
  const told = watched.updates.slice(before).filter(({ kind }) => kind !== 'trouble')
  assert.equal(told[0]!.kind, 'full', 'no delta took anything away')
  assert.equal(watched.service('web'), undefined)
  watched.guard({})
  await fill()
  await watched.until('all is back', () => watched.service('web')?.endpoints.length === 12)
  assert.equal(watched.updates.at(-1)!.kind, 'delta')
})
