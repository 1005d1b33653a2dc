import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SidecarEgress } from '#model/config.ts'
import type { MeshService } from '#model/mesh.ts'
import { MeshIndex } from '#sidecar/mesh-index.ts'
import { buildScope, outboundView } from '#sidecar/outbound.ts'
import { isVisible, scopeRules, sidecarConfigFor } from '#sidecar/scope.ts'
import type { TrafficMode } from '#sidecar/view.ts'
import { service, settings, sidecarConfig, snapshotOf } from './mesh.ts'

describe('exportTo: is a service of namespace shop seen?', () => {
  const cases: [exportTo: string[], from: string, seen: boolean][] = [
    [['*'], 'other', true],
    [[], 'other', true],
    [['.'], 'shop', true],
    [['.'], 'other', false],
    [['~'], 'shop', false],
    [['a', 'b'], 'b', true],
    [['a', 'b'], 'shop', false],
    [['.', 'b'], 'shop', true],
    [['.', '*'], 'other', true],
  ]
  for (const [exportTo, from, seen] of cases)
    test(`[${exportTo}] from ${from}: ${seen}`, () =>
      assert.equal(isVisible(service('a.test', { namespace: 'shop', exportTo }).attributes, from), seen))
})

const keysFor = (services: MeshService[], namespace: string, egress?: SidecarEgress[]) => {
  const config = egress && sidecarConfig('s', namespace, { egress })
  const scope = buildScope(new MeshIndex(snapshotOf(services)), scopeRules(namespace, config))
  return {
    services: [...scope.services.keys()].sort(),
    listeners: scope.listeners.map((each) => [...each.keys()].sort()),
  }
}

describe('one service for each hostname', () => {
  const own = service('a.test', {
    namespace: 'shop',
    exportTo: ['.', 'x'],
    createdAt: '2026-03-01T00:00:00Z',
  })
  const guest = service('a.test', {
    namespace: 'guest',
    exportTo: ['shop'],
    createdAt: '2026-01-01T00:00:00Z',
  })
  const guest2 = service('a.test', {
    namespace: 'guest2',
    exportTo: ['shop'],
    createdAt: '2025-01-01T00:00:00Z',
  })
  const ageless = service('a.test', { namespace: 'ageless', exportTo: ['shop'] })
  const open = service('a.test', { namespace: 'z', createdAt: '2020-01-01T00:00:00Z' })
  const cases: [name: string, services: MeshService[], namespace: string, key: string][] = [
    ['its own before all', [open, guest, own], 'shop', 'shop/a.test'],
    ['exported to it before public', [open, guest], 'shop', 'guest/a.test'],
    ['the oldest of equals', [guest, guest2, ageless], 'shop', 'guest2/a.test'],
    ['an unknown age last', [ageless, guest], 'shop', 'guest/a.test'],
    ['others see the public one', [open, own, guest], 'elsewhere', 'a.test'],
  ]
  for (const [name, services, namespace, key] of cases)
    test(name, () => assert.deepEqual(keysFor(services, namespace).services, [key]))
})

describe('egress hosts, seen from namespace shop', () => {
  const mesh = [
    service('a.shop.test', { namespace: 'shop' }),
    service('b.shop.test', { namespace: 'shop', exportTo: ['.'] }),
    service('a.bank.test', { namespace: 'bank', aliases: ['bank.service.consul'] }),
    service('*.wild.test', { namespace: 'bank' }),
    service('hidden.test', { namespace: 'bank', exportTo: ['.'] }),
  ]
  const all = ['*.wild.test', 'a.bank.test', 'a.shop.test', 'shop/b.shop.test']
  const cases: [hosts: string[], keys: string[]][] = [
    [['*/*'], all],
    [['./*'], ['a.shop.test', 'shop/b.shop.test']],
    [['bank/*'], ['*.wild.test', 'a.bank.test']],
    [['*/a.bank.test'], ['a.bank.test']],
    [['shop/a.bank.test'], []],
    [['*/*.test'], all],
    [
      ['*/*.bank.test', './b.shop.test'],
      ['a.bank.test', 'shop/b.shop.test'],
    ],
    [['*/*.wild.test'], ['*.wild.test']],
    [['*/x.wild.test'], []],
    [['~/*'], []],
    [['bank/hidden.test'], []],
    [['*/BANK.service.consul'], ['a.bank.test']],
  ]
  for (const [hosts, keys] of cases)
    test(hosts.join(' '), () => assert.deepEqual(keysFor(mesh, 'shop', [{ hosts }]).services, keys))

  test('no egress means everything', () => assert.deepEqual(keysFor(mesh, 'shop', []).services, all))
})

describe('egress listeners', () => {
  const http = { name: 'http', port: 80, protocol: 'HTTP' } as const
  const mesh = [
    service('a.test', { ports: [http, { name: 'db', port: 5432, protocol: 'TCP' }] }),
    service('b.test', { ports: [http] }),
  ]
  const port = (number: number, protocol: string) => ({ number, protocol, name: 'p' })

  test('a port takes the services that have it; what is left to the catch-all is its own hosts', () => {
    const egress = [{ port: port(5432, 'tcp'), hosts: ['*/*'] }, { hosts: ['*/b.test'] }]
    assert.deepEqual(keysFor(mesh, 'shop', egress), { services: ['b.test'], listeners: [['a.test']] })
  })

  test('HTTP_PROXY and a Unix socket take all; without a catch-all nothing else is served', () => {
    const egress = [
      { port: port(3128, 'HTTP_PROXY'), hosts: ['*/*'] },
      { port: port(0, 'HTTP'), bind: 'unix:///tmp/x', hosts: ['*/b.test'] },
    ]
    assert.deepEqual(keysFor(mesh, 'shop', egress), {
      services: [],
      listeners: [['a.test', 'b.test'], ['b.test']],
    })
  })

  const bound: [mode: TrafficMode, capture: SidecarEgress['captureMode'], bindToPort: boolean][] = [
    ['transparent', undefined, false],
    ['transparent', 'NONE', true],
    ['explicit', undefined, true],
    ['explicit', 'DEFAULT', true],
    ['explicit', 'IPTABLES', false],
  ]
  for (const [mode, captureMode, bindToPort] of bound)
    test(`${mode} and captureMode ${captureMode}: ${bindToPort ? 'a socket' : 'captured'}`, () => {
      const egress = [
        { port: port(80, 'http'), bind: '127.0.0.9', ...(captureMode && { captureMode }), hosts: ['*/*'] },
      ]
      const rules = scopeRules('shop', sidecarConfig('s', 'shop', { egress }))
      const scope = buildScope(new MeshIndex(snapshotOf(mesh)), rules)
      const traits = {
        mode,
        proxy: { address: '127.0.0.1', port: 15002 },
        policy: settings.outboundTrafficPolicy,
        networkView: [],
      }
      const [listener] = outboundView(traits, scope).listeners
      assert.deepEqual(
        { ...listener, services: listener!.services.size },
        { port: 80, protocol: 'HTTP', name: 'p', bind: '127.0.0.9', bindToPort, services: 2 },
      )
    })
})

describe('the Sidecar resource in force', () => {
  const selector = (app: string) => ({ workloadSelector: { labels: { app } } })
  const root = [
    sidecarConfig('root', 'istio-system', {}),
    sidecarConfig('rs', 'istio-system', selector('orders')),
  ]
  const young = sidecarConfig('young', 'shop', selector('orders'), '2026-02-02T00:00:00Z')
  const old = sidecarConfig('old', 'shop', selector('orders'), '2026-01-01T00:00:00Z')
  const other = sidecarConfig('other', 'shop', selector('web'))
  const defaults = [sidecarConfig('b', 'shop', {}), sidecarConfig('a', 'shop', {})]
  const index = (configs: Parameters<typeof snapshotOf>[1]) => new MeshIndex(snapshotOf([], configs))
  const cases: [
    name: string,
    configs: Parameters<typeof snapshotOf>[1],
    type: 'sidecar' | 'router',
    wanted?: string,
  ][] = [
    ['none', [], 'sidecar', undefined],
    ['the root namespace’s default, never its selectors', root, 'sidecar', 'root'],
    ['the namespace’s default, by name', [...root, ...defaults], 'sidecar', 'a'],
    ['a selector that matches', [...root, ...defaults, other, young], 'sidecar', 'young'],
    ['the oldest that matches', [young, old, other], 'sidecar', 'old'],
    ['a gateway has none', [...root, ...defaults, young], 'router', undefined],
  ]
  for (const [name, configs, type, wanted] of cases)
    test(name, () => {
      const of = index(configs)
      const found = sidecarConfigFor(
        { type, labels: { app: 'orders', x: 'y' } },
        of.sidecars('shop'),
        of.sidecars('istio-system'),
      )
      assert.equal(found?.name, wanted)
    })
})
