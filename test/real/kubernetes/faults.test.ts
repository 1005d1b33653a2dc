/** Bad hours on the way to a real kube-apiserver: endpoints stay, and come right afterwards. */
import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { slice } from '../../registries/kubernetes-objects.ts'
import { cleanup } from '../../support/cleanup.ts'
import {
  type FaultMode,
  type FaultProxy,
  type KubernetesServer,
  type ProxiedAnswer,
  type ProxiedRequest,
  startFaultProxy,
  startKubernetes,
} from '../../testbed/index.ts'
import { numbered, put, remove, yaml } from './objects.ts'
import { type RegistryOptions, registryOn, type Watched, watch } from './watch.ts'

const house = cleanup()
let server: KubernetesServer
let proxy: FaultProxy
let kubeconfig: string

before(
  async () => {
    server = house.add(await startKubernetes(), (it) => it.stop())
    proxy = house.add(await startFaultProxy(server.url), (it) => it.stop())
    kubeconfig = await server.kubeconfigFor(proxy)
    await put(server, 'web', numbered(12))
    await put(server, 'api', numbered(3, 1))
  },
  { timeout: 150_000 },
)
after(() => house.end())

async function follow(t: TestContext, options: RegistryOptions = {}): Promise<Watched> {
  await proxy.mode('pass')
  const watched = watch(registryOn(kubeconfig, options).registry)
  t.after(async () => {
    watched.stop()
    await proxy.mode('pass')
  })
  await watched.until('synced', () => watched.updates.length > 0 && watched.service('web'))
  watched.guard({ web: 12, api: 3 })
  return watched
}

const isWatch = ({ path }: ProxiedRequest) => path.includes('watch=1')
const isSlices = ({ path }: ProxiedRequest) => path.includes('endpointslices')
const words = ({ updates }: Watched) => updates.map(({ kind }) => kind)

/** A change made now is heard: it works again. */
let changes = 0
async function heardAgain(watched: Watched): Promise<void> {
  const addresses = numbered(3 + (++changes % 2), 1)
  await put(server, 'api', addresses)
  await watched.until('a change', () => watched.addresses('api') === addresses.join(' '))
}

interface Row {
  readonly title: string
  readonly mode: FaultMode
  readonly when?: (request: ProxiedRequest) => boolean
  readonly code: string
}
const rows: readonly Row[] = [
  { title: 'refused connections', mode: 'refuse', code: 'PH3001' },
  { title: 'connections cut as they come', mode: 'cut', code: 'PH3001' },
  { title: 'answers 500', mode: { status: 500, body: '{"kind":"Status","message":"boom"}' }, code: 'PH3004' },
  { title: 'answers 429', mode: { status: 429, headers: { 'retry-after': '0' } }, code: 'PH3003' },
  { title: 'answers 403', mode: { status: 403 }, code: 'PH3002' },
  { title: 'answers 401', mode: { status: 401 }, code: 'PH3002' },
  { title: 'garbage', mode: 'garbage', code: 'PH3005' },
  { title: 'a page of HTML', mode: { status: 200, body: '<html>captive portal</html>' }, code: 'PH3005' },
  { title: 'an empty body', mode: { status: 200, body: '' }, code: 'PH3005' },
  { title: 'null', mode: { status: 200, body: 'null' }, code: 'PH3005' },
  {
    title: 'a list without a resource version',
    mode: { rewrite: (_, { body }) => ({ body: body.replace(/"resourceVersion":"\d+"/, '"x":"1"') }) },
    when: (request) => !isWatch(request),
    code: 'PH3005',
  },
]

for (const { title, mode, when, code } of rows)
  test(`${title}: nothing goes, trouble ${code} is told once, and it comes right`, async (t) => {
    const watched = await follow(t)
    await proxy.mode(mode, when)
    proxy.cut()
    await watched.until('trouble', () => watched.trouble())
    assert.equal(watched.trouble()!.error.code, code)
    assert.ok(watched.trouble()!.error.remedy)
    const tokenShown = JSON.stringify(watched.updates).includes(server.token)
    assert.equal(tokenShown, false)
    const requests = proxy.requests()
    // What the port itself refuses or resets is no request.
    const counted = mode !== 'refuse' && mode !== 'cut'
    await watched.until('some tries', () => !counted || proxy.requests() > requests + 8)
    assert.deepEqual(words(watched), ['full', 'trouble'])
    await proxy.mode('pass')
    await watched.until('the end of it', () => watched.trouble() === undefined)
    await heardAgain(watched)
    assert.deepEqual(watched.lows(), [])
    assert.ok(!words(watched).slice(1).includes('full'), 'one history')
  })

test('connections cut, and open again at once: no trouble, and what was missed is told', async (t) => {
  const watched = await follow(t)
  for (let i = 0; i < 5; i++) {
    proxy.forget()
    proxy.cut()
    await heardAgain(watched)
    await watched.until(
      'all four watches',
      () => proxy.requests((it) => isWatch(it) && it.status === 200) === 4,
    )
  }
  assert.ok(!words(watched).includes('trouble'))
  assert.ok(!words(watched).slice(1).includes('full'))
  assert.deepEqual(watched.lows(), [])
})

test('a server that accepts and says nothing: found out, told, and left for a new connection', async (t) => {
  const watched = await follow(t, { timing: { silence: 1500, answer: 1000 } })
  await proxy.mode('blackhole')
  await watched.until('trouble', () => watched.trouble())
  assert.equal(watched.trouble()!.error.code, 'PH3001')
  assert.match(watched.trouble()!.error.message, /nothing was heard/)
  await proxy.mode('pass')
  await heardAgain(watched)
  assert.deepEqual(watched.lows(), [])
})

test('an event that is garbage, and one cut off: listed again, nothing lost', async (t) => {
  const watched = await follow(t)
  for (const broken of ['{"type":"ADDED","object":', '{"type":"ADDED","object":null}', 'null', '[]', '{}']) {
    let told = 0
    await proxy.mode(
      { lines: (request, line) => (isWatch(request) && isSlices(request) && told++ === 0 ? broken : line) },
      isWatch,
    )
    proxy.cut()
    await heardAgain(watched)
    await proxy.mode('pass')
  }
  assert.deepEqual(watched.lows(), [])
})

test('an ERROR event 410, and one 500: listed again', async (t) => {
  const watched = await follow(t)
  for (const code of [410, 500]) {
    let told = 0
    const line = JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code, message: 'made up' } })
    await proxy.mode({ lines: (_, it) => (told++ === 0 ? line : it) }, (it) => isWatch(it) && isSlices(it))
    proxy.cut()
    await heardAgain(watched)
    await proxy.mode('pass')
  }
  assert.ok(!words(watched).includes('trouble'))
  assert.deepEqual(watched.lows(), [])
})

test('half a list: the next page fails, or its token is stale, and nothing is taken from it', async (t) => {
  for (let i = 0; i < 12; i++) await put(server, `page-${i}`, [`10.2.0.${i + 1}`])
  t.after(async () => {
    for (let i = 0; i < 12; i++) await remove(server, `page-${i}`)
  })
  const watched = await follow(t)
  const all = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`page-${i}`, 1]))
  watched.guard({ ...all, web: 12, api: 3 })
  const list = (body: string, items: number, more: boolean) => {
    const value = JSON.parse(body)
    const metadata = { ...value.metadata, ...(more && { continue: 'made-up' }) }
    return JSON.stringify({ ...value, metadata, items: value.items.slice(0, items) })
  }
  let next = 0
  const statuses = [500, 410, 410, 410]
  const rewrite = ({ path }: ProxiedRequest, { body }: ProxiedAnswer) => {
    // The probe: another first object, so everything is listed.
    if (path.includes('limit=1&') || path.endsWith('limit=1')) return { body: list(body, 0, false) }
    return path.includes('continue=')
      ? { status: statuses[next++]!, body: '{}' }
      : { body: list(body, 5, true) }
  }
  await proxy.mode({ rewrite }, (it) => isSlices(it) && !isWatch(it) && next < statuses.length)
  proxy.cut()
  await watched.until('the stale tokens are used up', () => next >= statuses.length)
  await heardAgain(watched)
  assert.deepEqual(watched.lows(), [])
})

test('a list of another history is told as such: full, not a delta that takes away', async (t) => {
  const watched = await follow(t)
  watched.guard({})
  const backwards = (body: string) => {
    const value = JSON.parse(body)
    return JSON.stringify({ ...value, metadata: { resourceVersion: '7' }, items: [] })
  }
  // Answers are rewritten whole, so watches say nothing: from that version they would tell what the server really has.
  await proxy.mode({ rewrite: (_, { body }) => ({ body: backwards(body) }) })
  proxy.cut()
  await watched.until('another word', () => watched.updates.length > 1)
  const second = watched.updates[1]!
  assert.ok(second.kind === 'full')
  assert.deepEqual(second.services, [])
  await proxy.mode('pass')
  proxy.cut()
  await watched.until('all is back', () => watched.service('web')?.endpoints.length === 12)
})

test('an empty list in the same history, without a word of deletions, is not told as deletions', async (t) => {
  const watched = await follow(t)
  watched.guard({})
  const before = watched.updates.length
  const empty = (body: string) => JSON.stringify({ ...JSON.parse(body), items: [] })
  await proxy.mode({ rewrite: (_, { body }) => ({ body: empty(body) }) }, (it) => !isWatch(it))
  proxy.cut()
  await watched.until('another word', () => watched.updates.length > before)
  assert.ok(!watched.updates.slice(before).some((it) => it.kind === 'delta' && it.removed.length > 0))
  await proxy.mode('pass')
})

test('deregistered: told well within a second', async (t) => {
  const watched = await follow(t)
  const times: number[] = []
  for (let i = 0; i < 10; i++) {
    await put(server, 'brief', ['10.3.0.1', '10.3.0.2'])
    await watched.until('it is there', () => watched.addresses('brief') === '10.3.0.1 10.3.0.2')
    await server.apply(yaml(slice('brief', ['10.3.0.2'])))
    const began = performance.now()
    await watched.until('one went', () => watched.addresses('brief') === '10.3.0.2')
    times.push(performance.now() - began)
    await remove(server, 'brief')
    await watched.until('it went', () => watched.service('brief') === undefined)
  }
  const worst = Math.max(...times)
  t.diagnostic(`after the call's return, at most ${worst.toFixed(0)} ms`)
  assert.ok(worst < 1000)
})

test('left in the middle of everything: no request stays open', async (t) => {
  await proxy.mode('pass')
  for (const wait of [0, 5, 20, 50, 100, 200]) {
    const { registry, open } = registryOn(kubeconfig)
    const watched = watch(registry)
    await new Promise((resolve) => setTimeout(resolve, wait))
    watched.stop()
    assert.equal(open(), 0)
  }
  const idle = watch(registryOn(kubeconfig).registry)
  await idle.until('synced', () => idle.updates.length > 0)
  idle.stop()
  await idle.until('connections are closed', () => proxy.connections() === 0, 5000)
  t.diagnostic('sockets are gone')
})
