/** Self-registration over virtual time: who is a workload, from when until when, and by whose words. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BehaviorSubject, ReplaySubject } from 'rxjs'
import type { Workload } from '#model/service.ts'
import { entryName, type Group, type GroupSpec } from '#registries/autoregistration/entry.ts'
import { autoregistrationRegistry } from '#registries/autoregistration/index.ts'
import type { ProxyEvent, RegisteringProxy } from '#registries/autoregistration/proxy.ts'
import type { RegistryUpdate } from '#registries/registry.ts'
import type { Logger } from '#support/logger.ts'
import { virtualClock } from './dns-zone.ts'

const group = (name: string, spec: GroupSpec = {}, namespace = 'default'): Group => ({
  ...{
    kind: 'WorkloadGroup',
    apiVersion: 'networking.istio.io/v1',
    namespace,
    name,
    labels: {},
    annotations: {},
  },
  ...{ spec, version: JSON.stringify(spec), issues: [] },
  origin: { source: 'files/config', object: `WorkloadGroup/${namespace}/${name}`, at: 'groups.yaml:3' },
})
const proxy = (stream: string, rest: Partial<RegisteringProxy> = {}): RegisteringProxy => ({
  ...{
    stream,
    node: `node-${stream}`,
    group: 'vm',
    namespace: 'default',
    ip: '10.0.0.1',
    labels: {},
    network: '',
  },
  serviceAccount: '',
  ...rest,
})

function setup(options: { groups?: readonly Group[]; restored?: readonly Workload[]; known?: boolean } = {}) {
  const { clock, pass, open } = virtualClock()
  const proxies = new ReplaySubject<ProxyEvent>()
  const groups = new BehaviorSubject<readonly Group[]>(options.groups ?? [group('vm')])
  const later = new ReplaySubject<readonly Group[]>()
  const logged: string[] = []
  const note = (_fields: object, message: string) => void logged.push(message)
  const log: Logger = { debug: note, info: note, warn: note, error: note }
  const registry = autoregistrationRegistry(
    { kind: 'autoregistration', name: 'autoregistration', gracePeriod: 10_000 },
    {
      ...{ clock, log, proxies, groups: options.known === false ? later : groups, controller: 'pilot-1' },
      restored: options.restored ?? [],
      files: () => assert.fail('nothing is shared'),
    },
  )
  const updates: RegistryUpdate[] = []
  const subscription = registry.updates.subscribe((update) => updates.push(update))
  return {
    ...{ pass, open, groups, later, logged, subscription },
    take: () => updates.splice(0).map(short),
    raw: () => updates.splice(0),
    connect: (one: RegisteringProxy) => proxies.next({ kind: 'connect', proxy: one }),
    disconnect: (stream: string) => proxies.next({ kind: 'disconnect', stream }),
    serve: () => proxies.next({ kind: 'open' }),
  }
}
function short(update: RegistryUpdate): string {
  if (update.kind === 'trouble') return 'trouble'
  const told = update.kind === 'full' ? update.workloads : update.changedWorkloads
  const removed = update.kind === 'full' ? [] : update.removedWorkloads.map((key) => `-${key}`)
  return [update.kind, ...told.map(({ namespace, workload }) => `${namespace}/${workload}`), ...removed].join(
    ' ',
  )
}
function workloads(updates: readonly RegistryUpdate[]): readonly Workload[] {
  return updates.flatMap((u) =>
    u.kind === 'full' ? u.workloads : u.kind === 'delta' ? u.changedWorkloads : [],
  )
}

test('connected, it is there at once; disconnected, it goes when the grace is over', async () => {
  const it = setup()
  assert.deepEqual(it.take(), ['full'])
  it.connect(proxy('1'))
  assert.deepEqual(it.take(), ['delta default/vm-10.0.0.1'])
  it.disconnect('1')
  await it.pass(9_900)
  assert.deepEqual(it.take(), [])
  await it.pass(200)
  assert.deepEqual(it.take(), ['delta -default/vm-10.0.0.1'])
  assert.equal(it.open(), 0)
})

test('who comes back within the grace was never away', async () => {
  const it = setup()
  it.connect(proxy('1'))
  it.take()
  for (let stream = 1; stream < 5; stream++) {
    it.disconnect(`${stream}`)
    await it.pass(9_000)
    it.connect(proxy(`${stream + 1}`))
  }
  await it.pass(60_000)
  assert.deepEqual(it.take(), [])
})

test('the new connection may be heard before the end of the old one', async () => {
  const it = setup()
  it.connect(proxy('1'))
  it.connect(proxy('2'))
  it.disconnect('1')
  await it.pass(60_000)
  assert.deepEqual(it.take(), ['full', 'delta default/vm-10.0.0.1'])
})

test('two sidecars of one address and group are one workload, until both have left', async () => {
  const it = setup()
  it.connect(proxy('1', { node: 'a' }))
  it.connect(proxy('2', { node: 'b' }))
  it.disconnect('2')
  await it.pass(20_000)
  it.disconnect('1')
  await it.pass(20_000)
  assert.deepEqual(it.take(), ['full', 'delta default/vm-10.0.0.1', 'delta -default/vm-10.0.0.1'])
})

test("what the workload is: template, group and proxy, by Istio's precedence", () => {
  const it = setup({
    groups: [
      group('vm', {
        metadata: { labels: { app: 'group', tier: 'group' } },
        template: {
          ...{ ports: { http: 8080 }, labels: { app: 'template', tier: 'template', zone: 'template' } },
          ...{ serviceAccount: 'orders', network: 'template', locality: 'r/z', weight: 3 },
        },
      }),
    ],
  })
  it.connect(proxy('1', { labels: { app: 'proxy', 'bad key!': 'x' }, serviceAccount: 'orders' }))
  it.connect(
    proxy('2', {
      ip: 'fd00::0:7',
      network: 'vpc-1',
      locality: { region: 'eu', zone: 'eu-1', subzone: 's' },
      serviceAccount: '',
    }),
  )
  const [first, second] = workloads(it.raw())
  assert.deepEqual(first, {
    address: '10.0.0.1',
    ports: { http: 8080 },
    health: 'HEALTHY',
    weight: 3,
    locality: { region: 'r', zone: 'z', subzone: '' },
    labels: { app: 'proxy', tier: 'group', zone: 'template' },
    network: 'template',
    serviceAccount: 'orders',
    workload: 'vm-10.0.0.1',
    namespace: 'default',
    registry: 'autoregistration',
    origin: { source: 'autoregistration', object: 'WorkloadGroup/default/vm', at: 'groups.yaml:3' },
  })
  assert.equal(second!.workload, 'vm-fd00--0-7-vpc-1')
  assert.equal(second!.address, 'fd00::7')
  assert.deepEqual([second!.network, second!.locality!.zone], ['vpc-1', 'eu-1'])
})

test('a group that is drained drains its workloads; a proxy has no say in that', () => {
  const it = setup()
  it.connect(proxy('1', { labels: { 'pilothouse.io/health': 'draining', app: 'x' } }))
  const [first] = workloads(it.raw())
  assert.deepEqual([first!.health, first!.labels], ['HEALTHY', { app: 'x' }])
  it.groups.next([group('vm', { template: { labels: { 'pilothouse.io/health': 'draining' } } })])
  assert.equal(workloads(it.raw())[0]!.health, 'DRAINING')
})

test('a group that is not there yet: the proxy waits, and is told of', () => {
  const it = setup({ groups: [group('vm', {}, 'other')] })
  it.connect(proxy('1'))
  assert.deepEqual(it.take(), ['full'])
  assert.equal(it.logged.filter((line) => /node-1 .*default\/vm, which there is not/.test(line)).length, 1)
  it.groups.next([group('vm', {}, 'other'), group('other')])
  assert.equal(it.logged.length, 1, 'told once')
  it.groups.next([group('vm')])
  assert.deepEqual(it.take(), ['delta default/vm-10.0.0.1'])
})

test('a group that changes changes its workloads; one that goes takes them along', () => {
  const it = setup()
  it.connect(proxy('1'))
  it.take()
  it.groups.next([group('vm', { template: { weight: 5 } })])
  assert.equal(workloads(it.raw())[0]!.weight, 5)
  it.groups.next([])
  assert.deepEqual(it.take(), ['delta -default/vm-10.0.0.1'])
})

test('a proxy that says another service account than the group is refused', () => {
  const it = setup({ groups: [group('vm', { template: { serviceAccount: 'orders' } })] })
  it.connect(proxy('1', { serviceAccount: 'billing' }))
  assert.deepEqual(it.take(), ['full'])
  assert.match(it.logged.join(), /service account is billing, the group's is orders/)
})

test('a proxy without an address, or with a network that is no name, is refused', () => {
  const it = setup()
  it.connect(proxy('1', { ip: '' }))
  it.connect(proxy('2', { network: '../../etc' }))
  it.disconnect('1')
  assert.deepEqual(it.take(), ['full'])
  assert.equal(it.logged.length, 2)
})

const before = (groups?: readonly Group[]): readonly Workload[] => {
  const it = setup({ groups })
  it.connect(proxy('1'))
  it.connect(proxy('2', { ip: '10.0.0.2' }))
  return workloads(it.raw())
}

test('after a restart: the first word has them all, and they stay until their proxies could have come back', async () => {
  const it = setup({ restored: before(), known: false })
  assert.deepEqual(it.take(), ['full default/vm-10.0.0.1 default/vm-10.0.0.2'])
  await it.pass(300_000)
  assert.deepEqual(it.take(), [], 'nobody could connect yet')
  it.later.next([group('vm')])
  it.serve()
  await it.pass(30_000)
  it.connect(proxy('9', { ip: '10.0.0.2' }))
  await it.pass(14_900)
  assert.deepEqual(it.take(), [])
  await it.pass(200)
  assert.deepEqual(it.take(), ['delta -default/vm-10.0.0.1'])
})

test('after a restart: what lost its group meanwhile goes', () => {
  const it = setup({ restored: before(), known: false })
  it.take()
  it.later.next([group('other')])
  assert.deepEqual(it.take(), ['delta -default/vm-10.0.0.1 -default/vm-10.0.0.2'])
})

test('unsubscribing leaves nothing behind; the next subscriber hears of those who are connected', async () => {
  const it = setup()
  it.connect(proxy('1'))
  it.disconnect('1')
  assert.equal(it.open(), 1)
  it.subscription.unsubscribe()
  assert.equal(it.open(), 0)
})

test('names are cut at their beginning', () => {
  const name = entryName({ group: 'g'.repeat(260), ip: '10.0.0.1', network: '' })!
  assert.equal(name.length, 253)
  assert.ok(name.endsWith('g-10.0.0.1'))
})
