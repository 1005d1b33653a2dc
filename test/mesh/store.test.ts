import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { VirtualTimeScheduler } from 'rxjs'
import { type Logger, silentLogger } from '#support/logger.ts'
import { createMesh, defaultMeshOptions, type Mesh } from '../../src/mesh/mesh.ts'
import { emptyContent, type SaidContent } from '../../src/mesh/said.ts'
import { SortedMap } from '../../src/mesh/sorted-map.ts'
import { type FileStore, openStore, StateDirError } from '../../src/mesh/store.ts'
import { decode, encode } from '../../src/mesh/store-format.ts'
import {
  configObject,
  delta,
  fakeConfigSource,
  fakeRegistry,
  full,
  outage,
  service,
  trouble,
  workload,
} from './fakes.ts'

const scratch = async (t: TestContext): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'pilothouse-store-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

const opened = (
  dir: string,
  clock = new VirtualTimeScheduler(),
  log: Logger = silentLogger,
): Promise<FileStore> => openStore({ dir, clock, log })

const source = { name: 'a/with odd*name', kind: 'fake', role: 'registry' } as const
const content = (address: string): SaidContent => ({
  ...emptyContent,
  services: SortedMap.empty<ReturnType<typeof service>>().with(
    new Map([['default/x.test', service('x.test', 'a', [address])]]),
  ),
})
const until = async (condition: () => Promise<boolean>): Promise<void> => {
  while (!(await condition())) await turn()
}

const meshOf = (store: FileStore, clock: VirtualTimeScheduler) => {
  const a = fakeRegistry('a')
  const b = fakeRegistry('b')
  const files = fakeConfigSource('files')
  const mesh = createMesh({
    registries: [a, b],
    configs: [files],
    settings: defaultMeshOptions,
    clock,
    log: silentLogger,
    store,
  })
  return { a, b, files, mesh }
}
const waitsFor = (mesh: Mesh): string[] => {
  const readiness = mesh.readiness()
  return readiness.ready ? [] : readiness.waitingFor.map(({ registry }) => registry)
}
/** A mesh that has heard all its sources, stopped again. */
const lived = async (dir: string): Promise<void> => {
  const store = await opened(dir)
  const { a, b, files, mesh } = meshOf(store, new VirtualTimeScheduler())
  const running = mesh.start()
  a.say(
    full([service('x.test', 'a', ['10.0.0.1'])], [workload('10.0.0.5', { labels: { note: 'a\u2028b\nc' } })]),
  )
  a.say(delta({ changed: [service('x.test', 'a', ['10.0.0.2'])] }))
  b.say(full([service('x.test', 'b', ['10.0.0.3'])]))
  files.say({ kind: 'full', objects: [configObject('v', { http: [] })], issues: [] })
  running.unsubscribe()
  await store.close()
}

test('after a restart the last snapshot serves, marked stale, until the registry has spoken', async (t) => {
  const dir = await scratch(t)
  await lived(dir)
  const clock = new VirtualTimeScheduler()
  const { a, b, files, mesh } = meshOf(await opened(dir, clock), clock)
  const running = mesh.start()
  const restored = mesh.snapshot()
  assert.deepEqual(
    restored.services.get('x.test')!.endpoints.map(({ address }) => address),
    ['10.0.0.2', '10.0.0.3'],
  )
  assert.deepEqual([...restored.configs.values()], [configObject('v', { http: [] })])
  assert.deepEqual(
    [...restored.sources.values()].map(({ state, lastUpdate }) => [state, lastUpdate]),
    Array(3).fill(['connecting', new Date(0)]),
  )
  assert.equal(restored.freshness('x.test', 'a').state, 'stale')
  assert.match(restored.freshness('x.test', 'a').reason!, /disk/)

  assert.deepEqual(waitsFor(mesh), ['a', 'b', 'files'], 'each gets a moment to answer')
  a.say(trouble(new Date(0)))
  assert.deepEqual(waitsFor(mesh), ['b', 'files'], 'one that is away is not waited for')
  assert.equal(mesh.snapshot().sources.get('a')!.state, 'connecting')
  assert.deepEqual(mesh.snapshot().sources.get('a')!.error, outage)
  assert.equal(mesh.snapshot().services, restored.services, 'trouble takes nothing away')
  b.say(full([service('x.test', 'b', ['10.0.0.3'])]))
  assert.equal(mesh.snapshot().services, restored.services, 'said as on disk: nothing changes')
  assert.deepEqual(mesh.snapshot().freshness('x.test', 'b'), { state: 'fresh' })
  assert.deepEqual(waitsFor(mesh), ['files'])
  clock.maxFrames = 2_000
  clock.flush()
  assert.deepEqual(mesh.readiness(), { ready: true }, 'the moment is over')
  assert.equal(files.subscribers(), 1)
  running.unsubscribe()
})

test('a source without a snapshot on disk holds readiness for the whole grace', async (t) => {
  const dir = await scratch(t)
  await lived(dir)
  for (const name of await readdir(join(dir, 'mesh')))
    if (name.startsWith('b-')) await rm(join(dir, 'mesh', name))
  const clock = new VirtualTimeScheduler()
  const { b, mesh } = meshOf(await opened(dir, clock), clock)
  const running = mesh.start()
  b.say(trouble(new Date(0)))
  clock.maxFrames = 29_999
  clock.flush()
  assert.deepEqual(mesh.readiness(), {
    ready: false,
    waitingFor: [{ registry: 'b', since: new Date(0), error: outage }],
  })
  clock.maxFrames = 30_000
  clock.flush()
  assert.deepEqual(mesh.readiness(), { ready: true })
  running.unsubscribe()
})

test('a source that has not spoken does not overwrite what is on disk', async (t) => {
  const dir = await scratch(t)
  await lived(dir)
  const before = await readdir(join(dir, 'mesh'))
  const store = await opened(dir)
  const { a, mesh } = meshOf(store, new VirtualTimeScheduler())
  const running = mesh.start()
  a.say(trouble(new Date(0)))
  a.say(delta({ removed: ['default/x.test'] }))
  running.unsubscribe()
  await store.close()
  assert.deepEqual(await readdir(join(dir, 'mesh')), before)
  assert.equal((await opened(dir)).restored.get('a')!.services.length, 1)
})

test('a source of another kind does not inherit the snapshot', async (t) => {
  const dir = await scratch(t)
  await lived(dir)
  const other = { ...fakeRegistry('a'), kind: 'consul' }
  const clock = new VirtualTimeScheduler()
  const store = await opened(dir)
  const mesh = createMesh({
    registries: [other],
    configs: [],
    settings: defaultMeshOptions,
    clock,
    log: silentLogger,
    store,
  })
  assert.equal(mesh.snapshot().services.size, 0)
})

test('writes are at most one a second, hold the last state, and are for the owner only', async (t) => {
  const dir = await scratch(t)
  const clock = new VirtualTimeScheduler()
  const store = await opened(dir, clock)
  const folder = join(dir, 'mesh')
  for (const address of ['10.0.0.1', '10.0.0.2', '10.0.0.3'])
    store.save(source, content(address), new Date(0))
  clock.maxFrames = 999
  clock.flush()
  assert.deepEqual(await readdir(folder), [])
  assert.equal(clock.actions.length, 1)
  clock.maxFrames = 1_000
  clock.flush()
  await until(async () => (await readdir(folder)).some((name) => name.endsWith('.jsonl')))
  const [name] = await readdir(folder)
  assert.match(name!, /^a_with_odd_name-[0-9a-f]{12}\.jsonl$/)
  assert.equal((await stat(folder)).mode & 0o777, 0o700)
  assert.equal((await stat(join(folder, name!))).mode & 0o777, 0o600)
  assert.equal(clock.actions.length, 0, 'nothing new, no timer')
  await store.close()
  store.save(source, content('10.0.0.9'), new Date(0))
  assert.equal(clock.actions.length, 0, 'closed')
  const { restored } = await opened(dir)
  assert.deepEqual(
    restored.get(source.name)!.services.map(({ endpoints }) => endpoints[0]!.address),
    ['10.0.0.3'],
  )
})

test('a file that can not be taken is moved aside with a warning', async (t) => {
  const good = [...encode({ source, content: content('10.0.0.1'), saidAt: new Date(0) })].join('')
  const table: readonly [string, string, string][] = [
    ['corrupt', 'cut off', good.slice(0, -30)],
    ['corrupt', 'cut at a line', `${good.split('\n').slice(0, -2).join('\n')}\n`],
    ['corrupt', 'changed', good.replace('10.0.0.1', '10.0.0.7')],
    ['corrupt', 'damaged line', good.replace('{"service"', '{"sirvice"')],
    ['corrupt', 'no date', good.replace('1970-01-01T00:00:00.000Z', 'yesterday')],
    ['newer', 'newer', good.replace('"version":1', '"version":2')],
    ['foreign', 'empty', ''],
    ['foreign', 'other JSON', '{"hello":"world"}\n'],
    ['foreign', 'not JSON', '\u0000\u0001\n'],
    ['foreign', 'null', 'null\n'],
    ['foreign', 'of another source', good],
  ]
  for (const [refusal, what, text] of table) {
    const dir = await scratch(t)
    const folder = join(dir, 'mesh')
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'x.jsonl'), text)
    await writeFile(join(folder, 'x.jsonl.1.tmp'), 'left by a crash')
    const warnings: string[] = []
    const log = { ...silentLogger, warn: (_: object, message: string) => warnings.push(message) }
    const store = await opened(dir, undefined, log)
    assert.equal(store.restored.size, 0, what)
    assert.deepEqual(await readdir(folder), [`x.jsonl.${refusal}-0`], what)
    assert.equal(await readFile(join(folder, `x.jsonl.${refusal}-0`), 'utf8'), text, what)
    assert.equal(warnings.length, 1, what)
    assert.match(warnings[0]!, /^Last snapshot ignored and moved aside: .+\.$/)
  }
})

test('a directory that can not be used is a clear error at the start', async (t) => {
  const dir = await scratch(t)
  await writeFile(join(dir, 'file'), '')
  await assert.rejects(opened(join(dir, 'file')), (error: unknown) => {
    assert.ok(error instanceof StateDirError)
    assert.equal(error.code, 'PH2031')
    assert.match(error.message, /file can not be used: .*(ENOTDIR|EEXIST)/)
    assert.ok(error.remedy.includes('stateDir'))
    return true
  })
})

test('a failed write is an issue, and is tried again until it is written', async (t) => {
  const dir = await scratch(t)
  const clock = new VirtualTimeScheduler()
  const store = await opened(dir, clock)
  const folder = join(dir, 'mesh')
  await rm(folder, { recursive: true })
  await writeFile(folder, 'in its place')
  store.save(source, content('10.0.0.1'), new Date(0))
  clock.maxFrames = 1_000
  clock.flush()
  await until(async () => clock.actions.length > 0)
  assert.deepEqual(
    store.issues().map(({ code, at }) => [code, at]),
    [['PH2030', source.name]],
  )
  await rm(folder)
  clock.maxFrames = 11_000
  clock.flush()
  await until(async () => store.issues().length === 0)
  await store.close()
  assert.equal((await opened(dir)).restored.size, 1)
})

test('writing 50,000 endpoints goes in small pieces and comes back as it was', async () => {
  const services = Array.from({ length: 5_000 }, (_, i) =>
    service(
      `svc-${i}.default.svc.cluster.local`,
      'a',
      Array.from({ length: 10 }, (_, j) => `10.${i >> 8}.${i & 255}.${j}`),
    ),
  )
  const large: SaidContent = {
    ...emptyContent,
    services: SortedMap.empty<(typeof services)[number]>().with(
      new Map(services.map((one) => [`default/${one.hostname}`, one])),
    ),
  }
  const times: number[] = []
  const pieces: string[] = []
  let last = performance.now()
  for (const piece of encode({ source, content: large, saidAt: new Date(0) })) {
    pieces.push(piece)
    times.push(performance.now() - last)
    last = performance.now()
  }
  assert.ok(pieces.every(({ length }) => length < 100_000))
  times.sort((a, b) => a - b)
  assert.ok(times[Math.floor(times.length * 0.9)]! < 20, `a piece takes ${times.at(-1)} ms`)
  const lines = pieces.join('').split('\n').slice(0, -1)
  const decoded = await decode(lines)
  assert.ok(decoded.ok)
  assert.deepEqual(decoded.restored.services, [...large.services.values()])
})

test('a directory that was tidied away is made again', async (t) => {
  const dir = await scratch(t)
  const store = await opened(dir)
  await rm(join(dir, 'mesh'), { recursive: true })
  store.save(source, content('10.0.0.1'), new Date(0))
  await store.close()
  assert.deepEqual(store.issues(), [])
  assert.equal((await opened(dir)).restored.get(source.name)!.services.length, 1)
})
