import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createViews } from '#sidecar/views.ts'
import { follow } from './follow.ts'
import { endpoint, meshOf, service, settings, sidecar, sidecarConfig } from './mesh.ts'

test('equal sidecars share one stream and one view; others have their own; nothing is left at the end', () => {
  const { mesh$ } = meshOf([service('a.test')])
  const views = createViews(mesh$, settings)
  const one = follow(views, sidecar({ ips: ['10.0.0.1'] }))
  const two = follow(views, sidecar({ ips: ['10.0.0.2'] }))
  const other = follow(views, sidecar({ namespace: 'shop' }))
  assert.equal(one.assigned[0]!.outbound, two.assigned[0]!.outbound)
  assert.equal(one.outbound[0]!.view, two.outbound[0]!.view)
  assert.notEqual(one.assigned[0]!.inbound, two.assigned[0]!.inbound)
  assert.notEqual(one.assigned[0]!.outbound, other.assigned[0]!.outbound)
  assert.equal(one.outbound[0]!.changes, 'all')
  assert.equal(views.counters.active, 5)
  for (const each of [one, two, other]) each.stop()
  assert.equal(views.counters.active, 0)
  views.close()
  assert.equal(mesh$.observed, false)
})

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
  to([at('10.0.0.2')])
  assert.deepEqual([one.ports(), two.ports()], [[], [80]])
  one.stop()
  two.stop()
  views.close()
})
