import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Subject, take } from 'rxjs'
import type { DemandUpdate } from '#model/load.ts'
import type { MeshUpdate } from '#model/mesh.ts'
import { type AssignedViews, createViews } from '#sidecar/views.ts'
import { follow } from './follow.ts'
import {
  changesBetween,
  endpoint,
  meshOf,
  service,
  settings,
  sidecar,
  sidecarConfig,
  snapshotOf,
} from './mesh.ts'

test('equal sidecars share one stream and one view; others have their own; nothing is left at the end', () => {
  const { mesh$ } = meshOf([service('a.test')])
  const views = createViews(mesh$, settings)
  const one = follow(views, sidecar({ ips: ['10.0.0.1'] }))
  const two = follow(views, sidecar({ ips: ['10.0.0.2'] }))
  const other = follow(views, sidecar({ namespace: 'shop' }))
  const rest = follow(
    views,
    sidecar({ configSource: { api: 'REST', cluster: 'xds-rest', refreshDelay: 5000 } }),
  )
  assert.equal(one.assigned[0]!.outbound, two.assigned[0]!.outbound)
  assert.equal(one.outbound[0]!.view, two.outbound[0]!.view)
  assert.notEqual(one.assigned[0]!.inbound, two.assigned[0]!.inbound)
  assert.notEqual(one.assigned[0]!.outbound, other.assigned[0]!.outbound)
  assert.equal(one.outbound[0]!.changes, 'all')
  assert.notEqual(one.assigned[0]!.outbound, rest.assigned[0]!.outbound)
  assert.equal(one.assigned[0]!.inbound, rest.assigned[0]!.inbound, 'asks for nothing')
  assert.equal(views.counters.active, 6)
  for (const each of [one, two, other, rest]) each.stop()
  assert.equal(views.counters.active, 0)
  views.close()
  assert.equal(mesh$.observed, false)
})

test('localities have views of their own only where they count', () => {
  const places = ['z1', 'z2'].map((zone) => sidecar({ locality: { region: 'r', zone, subzone: '' } }))
  const viewsIn = (localityLbEnabled: boolean) => {
    const views = createViews(meshOf([service('a.test')]).mesh$, { ...settings, localityLbEnabled })
    const streams = new Set(places.map((place) => follow(views, place).assigned[0]!.outbound))
    views.close()
    return streams.size
  }
  assert.equal(viewsIn(true), 2)
  assert.equal(viewsIn(false), 1)
})

test('where requests come from reaches the views that see the service, and stays through later changes', () => {
  const a = service('a.test', { endpoints: [endpoint('10.0.0.9')] })
  const b = service('b.test', { namespace: 'shop', exportTo: ['.'] })
  const { mesh$, to } = meshOf([a, b])
  const demand$ = new Subject<DemandUpdate>()
  const byLoad = { ...settings, localityLbEnabled: false, localityWeightsFromLoad: weights }
  const views = createViews(mesh$, byLoad, demand$)
  const of = (subzone: string, more = {}) =>
    follow(views, sidecar({ locality: { region: 'r', zone: 'z', subzone }, ...more }))
  const [one, two, shop] = [of('rack1'), of('rack2'), of('', { namespace: 'shop' })]
  assert.equal(one.assigned[0]!.outbound, two.assigned[0]!.outbound, 'racks make no difference')
  assert.equal(one.now().outbound.demands, undefined)

  const demands = new Map(['a.test', 'shop/b.test'].map((key) => [key, new Map()]))
  demand$.next({ demands, changed: new Set(['shop/b.test']) })
  assert.equal(one.outbound.length, 1, 'not seen, not told')
  assert.deepEqual(shop.outbound.at(-1)!.changes, new Map([['shop/b.test', 'endpoints']]))
  demand$.next({ demands, changed: new Set(['a.test', 'shop/b.test']) })
  assert.deepEqual(one.outbound.at(-1)!.changes, new Map([['a.test', 'endpoints']]))
  to([{ ...a, endpoints: [] }, b])
  for (const each of [one, of('rack3'), of('', { namespace: 'late' })])
    assert.equal(each.now().outbound.demands, demands)
  views.close()
  assert.equal(demand$.observed, false)
})

const weights = { interval: 30_000, threshold: 0.05 }

test('a change reaches the views that see it, and only those', () => {
  const a = service('a.test', { endpoints: [endpoint('10.0.0.9')] })
  const b = service('b.test', { namespace: 'shop', exportTo: ['.'] })
  const { mesh$, to } = meshOf([a, b])
  const views = createViews(mesh$, settings)
  const client = follow(views, sidecar())
  const shop = follow(views, sidecar({ namespace: 'shop' }))
  assert.deepEqual(client.services(), ['a.test'])
  assert.deepEqual(shop.services(), ['a.test', 'shop/b.test'])

  const old = client.outbound[0]!.view
  const a2 = { ...a, endpoints: [...a.endpoints, endpoint('10.0.0.10')] }
  to([a2, b])
  assert.deepEqual(client.outbound.at(-1)!.changes, new Map([['a.test', 'endpoints']]))
  assert.equal(client.outbound.at(-1)!.view.services.get('a.test'), a2)
  assert.equal(old.services.get('a.test'), a, 'the old view is old, not torn')

  to([a2])
  assert.equal(client.outbound.length, 2, 'not seen, not told')
  assert.deepEqual(shop.outbound.at(-1)!.changes, new Map([['shop/b.test', 'removed']]))
  assert.deepEqual({ ...views.counters }, { viewsBuilt: 4, viewsAdvanced: 3, active: 4 })
  client.stop()
  shop.stop()
  views.close()
})

test('a service of less visibility shadows the public one where it is seen, and lets it through again', () => {
  const open = service('a.test', { namespace: 'x' })
  const own = service('a.test', { namespace: 'shop', exportTo: ['.'] })
  const { mesh$, to } = meshOf([open])
  const views = createViews(mesh$, settings)
  const shop = follow(views, sidecar({ namespace: 'shop' }))
  to([open, own])
  assert.deepEqual(shop.services(), ['shop/a.test'])
  assert.deepEqual(
    shop.outbound.at(-1)!.changes,
    new Map([
      ['a.test', 'removed'],
      ['shop/a.test', 'attributes'],
    ]),
  )
  to([open])
  assert.deepEqual(shop.services(), ['a.test'])
  shop.stop()
  views.close()
})

test('a Sidecar resource moves its sidecars to another view; a change of it rebuilds the view in place', () => {
  const services = [service('a.test'), service('b.test')]
  const { mesh$, to } = meshOf(services)
  const views = createViews(mesh$, settings)
  const picked = follow(views, sidecar({ labels: { app: 'orders' } }))
  const rest = follow(views, sidecar())
  const onlyA = sidecarConfig('orders', 'default', {
    workloadSelector: { labels: { app: 'orders' } },
    egress: [{ hosts: ['*/a.test'] }],
    outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
  })
  to(services, [onlyA])
  assert.equal(picked.assigned.length, 2)
  assert.equal(rest.assigned.length, 1)
  assert.deepEqual(picked.services(), ['a.test'])
  assert.equal(picked.outbound.at(-1)!.view.policy, 'REGISTRY_ONLY')
  assert.equal(
    views.describe(sidecar({ labels: { app: 'orders' } }))!.sidecarConfig,
    'Sidecar/default/orders',
  )

  const onlyB = sidecarConfig('orders', 'default', { ...onlyA.spec, egress: [{ hosts: ['*/b.test'] }] })
  to(services, [onlyB])
  assert.equal(picked.assigned.length, 2, 'the same view')
  assert.equal(picked.outbound.at(-1)!.changes, 'all')
  assert.deepEqual(picked.services(), ['b.test'])

  to(services, [])
  assert.equal(picked.assigned.length, 3)
  assert.equal(picked.assigned.at(-1)!.outbound, rest.assigned[0]!.outbound)
  picked.stop()
  rest.stop()
  assert.equal(views.counters.active, 0)
  views.close()
})

test('out of the catch-all but kept by a listener: changed, not removed', () => {
  const egress = [{ port: { number: 80, protocol: 'HTTP', name: 'p' }, hosts: ['*/*'] }, { hosts: ['./*'] }]
  const configs = [sidecarConfig('s', 'default', { egress })]
  const { mesh$, to } = meshOf([service('a.test')], configs)
  const views = createViews(mesh$, settings)
  const client = follow(views, sidecar())
  to([service('a.test', { namespace: 'shop' })], configs)
  assert.deepEqual(client.services(), [])
  assert.deepEqual(client.outbound.at(-1)!.changes, new Map([['a.test', 'attributes']]))
  client.stop()
  views.close()
})

test('shadowed in the catch-all, still in force on a listener: changed, not removed', () => {
  const egress = [{ port: { number: 80, protocol: 'HTTP', name: 'p' }, hosts: ['*/*'] }, { hosts: ['*/*'] }]
  const configs = [sidecarConfig('s', 'default', { egress })]
  const open = service('a.test')
  const { mesh$, to } = meshOf([open], configs)
  const views = createViews(mesh$, settings)
  const client = follow(views, sidecar())
  const own = service('a.test', { exportTo: ['.'], ports: [{ name: 'p', port: 81, protocol: 'HTTP' }] })
  to([open, own], configs)
  assert.deepEqual(client.services(), ['default/a.test'])
  assert.deepEqual(
    client.outbound.at(-1)!.changes,
    new Map([
      ['a.test', 'attributes'],
      ['default/a.test', 'attributes'],
    ]),
  )
  client.stop()
  views.close()
})

test('a public service gives way to one exported to the namespace', () => {
  const guest = service('a.test', { namespace: 'guest', exportTo: ['default'] })
  const { mesh$, to } = meshOf([service('a.test'), guest])
  const views = createViews(mesh$, settings)
  const client = follow(views, sidecar())
  assert.deepEqual(client.services(), ['a.test'], 'its own namespace first')
  to([guest])
  assert.deepEqual(client.services(), ['guest/a.test'])
  client.stop()
  views.close()
})

test('a client may come before the first snapshot, leave within an update, and come back to a stream', () => {
  const late$ = new Subject<MeshUpdate>()
  const views = createViews(late$, settings)
  const streams: AssignedViews[] = []
  const early = views.connect(sidecar()).subscribe((each) => streams.push(each))
  views.connect(sidecar()).pipe(take(1)).subscribe()
  assert.equal(views.describe(sidecar()), undefined)
  const snapshot = snapshotOf([service('a.test')])
  late$.next({ snapshot, changes: changesBetween(snapshotOf([]), snapshot) })
  assert.equal(streams.length, 1)
  assert.equal(views.counters.active, 2)
  early.unsubscribe()
  assert.equal(views.counters.active, 0)
  const seen: number[] = []
  const again = streams[0]!.outbound.subscribe(({ view }) => seen.push(view.services.size))
  const more = snapshotOf([...snapshot.services.values(), service('b.test')], [], 2)
  late$.next({ snapshot: more, changes: changesBetween(snapshot, more) })
  assert.deepEqual(seen, [1, 2])
  again.unsubscribe()
  assert.equal(views.counters.active, 0)
  views.close()
})

test('10,000 services and 1,000 sidecars: one endpoint costs one view, and its time does not grow with them', () => {
  const services = Array.from({ length: 10_000 }, (_, i) =>
    service(`s${i}.test`, { endpoints: [endpoint(`10.1.${i >> 8}.${i & 255}`)] }),
  )
  const { mesh$ } = meshOf(services)
  const views = createViews(mesh$, settings)
  const clients = Array.from({ length: 1000 }, (_, i) =>
    follow(views, sidecar({ ips: [`10.2.${i >> 8}.${i & 255}`] })),
  )
  const built = views.counters.viewsBuilt
  assert.equal(built, 1001)
  let { snapshot } = mesh$.value
  for (let i = 0; i < 50; i++) {
    const key = `s${i * 7}.test`
    const old = snapshot.services.get(key)!
    const now = { ...old, endpoints: [...old.endpoints, endpoint(`10.3.0.${i}`)] }
    snapshot = {
      ...snapshot,
      revision: snapshot.revision + 1,
      services: new Map(snapshot.services).set(key, now),
    }
    mesh$.next({ snapshot, changes: { services: new Map([[key, 'endpoints']]), configs: new Set() } })
  }
  assert.deepEqual({ ...views.counters }, { viewsBuilt: built, viewsAdvanced: 50, active: 1001 })
  assert.equal(clients[999]!.outbound.length, 51)
  for (const each of clients) each.stop()
  assert.equal(views.counters.active, 0)
  views.close()
})

test('a sidecar described', () => {
  const a = service('a.test', { endpoints: [endpoint('10.0.0.1')] })
  const { mesh$ } = meshOf([a, service('b.test')])
  const views = createViews(mesh$, settings)
  assert.deepEqual(views.describe(sidecar({ mode: 'explicit' })), {
    services: 2,
    inbound: [
      {
        service: 'a.test',
        port: 80,
        protocol: 'HTTP',
        bind: '10.0.0.1',
        target: { address: '127.0.0.1', port: 80 },
      },
    ],
    conflicts: [],
  })
  assert.equal(views.counters.active, 0)
  views.close()
})

test('inbound follows the services at the own address; equal ports are one array', () => {
  const at = (...ips: string[]) => service('a.test', { endpoints: ips.map((ip) => endpoint(ip)) })
  const first = at('10.0.0.1')
  const { mesh$, to } = meshOf([first])
  const views = createViews(mesh$, settings)
  const one = follow(views, sidecar({ ips: ['10.0.0.1'] }))
  const two = follow(views, sidecar({ ips: ['10.0.0.2'] }))
  assert.deepEqual([one.ports(), two.ports()], [[80], []])
  to([{ ...first, endpoints: [...first.endpoints, endpoint('10.0.0.2')] }])
  assert.deepEqual([one.ports(), two.ports()], [[80], [80]])
  assert.equal(one.inbound.length, 1, 'nothing new for the first')
  assert.equal(one.inbound.at(-1)!.view.ports, two.inbound.at(-1)!.view.ports)
  to([{ ...first, endpoints: [endpoint('10.0.0.1', { health: 'DRAINING' }), endpoint('10.0.0.2')] }])
  assert.equal(one.inbound.length, 1, 'health is not its business')
  to([at('10.0.0.2')])
  assert.deepEqual([one.ports(), two.ports()], [[], [80]])
  one.stop()
  two.stop()
  views.close()
})
