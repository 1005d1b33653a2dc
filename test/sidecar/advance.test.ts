/** Whatever happens to the mesh: a view that was advanced step by step equals one made from scratch. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BehaviorSubject } from 'rxjs'
import type { ConfigObject, SidecarSpec } from '#model/config.ts'
import { configKey } from '#model/config.ts'
import type { MeshService, MeshSnapshot } from '#model/mesh.ts'
import type { Labels } from '#model/service.ts'
import { LayeredMap } from '#sidecar/layered-map.ts'
import type { InboundView, OutboundView, Sidecar } from '#sidecar/view.ts'
import { createViews } from '#sidecar/views.ts'
import { follow } from './follow.ts'
import { changesBetween, endpoint, service, settings, sidecar, sidecarConfig, snapshotOf } from './mesh.ts'

const namespace = fc.constantFrom('default', 'shop', 'istio-system')
const ip = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3')

const aService = fc
  .record({
    hostname: fc.constantFrom('a.test', 'a.test', 'b.test', '*.shop.test'),
    namespace,
    exportTo: fc.constantFrom(['*'], ['*'], ['.'], ['default'], ['default', 'shop'], ['~']),
    port: fc.constantFrom(80, 81),
    ips: fc.uniqueArray(ip, { maxLength: 3 }),
  })
  .map(({ hostname, port, ips, ...more }) =>
    service(hostname, {
      ...more,
      ports: [{ name: 'p', port, protocol: 'HTTP' }],
      endpoints: ips.map((each) => endpoint(each)),
    }),
  )

const hosts = fc.uniqueArray(fc.constantFrom('*/*', './*', 'shop/*', '*/a.test', '*/*.shop.test'), {
  minLength: 1,
})
const aSpec: fc.Arbitrary<SidecarSpec> = fc.record(
  {
    workloadSelector: fc.constantFrom({ labels: { app: 'x' } }, { labels: { app: 'y' } }),
    egress: fc.oneof(
      fc.tuple(fc.record({ hosts })),
      fc.tuple(
        fc.record({ hosts, port: fc.constant({ number: 80, protocol: 'HTTP', name: 'p' }) }),
        fc.record({ hosts }),
      ),
    ),
    ingress: fc.constant([{ port: { number: 7000, protocol: 'TCP', name: 'in' } }]),
    outboundTrafficPolicy: fc.constant({ mode: 'REGISTRY_ONLY' as const }),
  },
  { requiredKeys: [] },
)

type Step =
  | { readonly do: 'service'; readonly service: MeshService }
  | { readonly do: 'endpoints'; readonly nth: number; readonly ips: readonly string[] }
  | { readonly do: 'remove'; readonly nth: number }
  | { readonly do: 'config'; readonly config: ConfigObject<'Sidecar', SidecarSpec> }
  | { readonly do: 'removeConfig'; readonly nth: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('service' as const), service: aService }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('endpoints' as const), nth: fc.nat(9), ips: fc.uniqueArray(ip) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), nth: fc.nat(9) }) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('s1', 's2'), namespace, aSpec)
      .map(([name, space, spec]) => ({ do: 'config' as const, config: sidecarConfig(name, space, spec) })),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('removeConfig' as const), nth: fc.nat(9) }) },
)

const aSidecar: fc.Arbitrary<Sidecar> = fc
  .record({
    namespace,
    labels: fc.constantFrom<Labels>({}, { app: 'x' }, { app: 'y' }),
    ips: fc.uniqueArray(ip, { minLength: 1, maxLength: 2 }),
    mode: fc.constantFrom('transparent' as const, 'explicit' as const),
    type: fc.constantFrom('sidecar' as const, 'sidecar' as const, 'router' as const),
  })
  .map((each) => sidecar(each))

function apply(to: MeshSnapshot, steps: readonly Step[]): MeshSnapshot {
  const services = new Map(to.services)
  const configs = new Map(to.configs)
  const nthKey = (map: Map<string, unknown>, nth: number) =>
    [...map.keys()][nth % Math.max(map.size, 1)] ?? ''
  for (const each of steps)
    if (each.do === 'service') services.set(each.service.attributes.key, each.service)
    else if (each.do === 'remove') services.delete(nthKey(services, each.nth))
    else if (each.do === 'config') configs.set(configKey(each.config), each.config)
    else if (each.do === 'removeConfig') configs.delete(nthKey(configs, each.nth))
    else {
      const key = nthKey(services, each.nth)
      const old = services.get(key)
      const kept = old?.endpoints.filter(({ address }) => each.ips.includes(address)) ?? []
      const fresh = each.ips.filter((address) => !kept.some((one) => one.address === address))
      if (old) services.set(key, { ...old, endpoints: [...kept, ...fresh.map((one) => endpoint(one))] })
    }
  return snapshotOf(services.values(), configs.values(), to.revision + 1)
}

const byKey = (services: ReadonlyMap<string, MeshService>) =>
  new Map([...services].sort(([a], [b]) => (a < b ? -1 : 1)))
const plain = ({ services, listeners, ...rest }: OutboundView, inbound: InboundView) => ({
  ...rest,
  services: byKey(services),
  listeners: listeners.map((each) => ({ ...each, services: byKey(each.services) })),
  inbound,
})

function fromScratch(snapshot: MeshSnapshot, of: Sidecar) {
  const views = createViews(
    new BehaviorSubject({ snapshot, changes: changesBetween(snapshotOf([]), snapshot) }),
    settings,
  )
  const seen = follow(views, of)
  const result = plain(seen.outbound[0]!.view, seen.inbound[0]!.view)
  seen.stop()
  views.close()
  return result
}

/** All services of a view, in any part of it. */
const union = (view: OutboundView) =>
  new Map([...view.listeners, view].flatMap(({ services }) => [...services]))

test('advanced by change sets = built from scratch, and the changes say all that differs', () => {
  const run = (sidecars: Sidecar[], batches: Step[][]) => {
    let snapshot = snapshotOf([])
    const mesh$ = new BehaviorSubject({ snapshot, changes: changesBetween(snapshot, snapshot) })
    const views = createViews(mesh$, settings)
    const all = sidecars.map((each) => ({
      of: each,
      seen: follow(views, each),
      told: new Map<string, MeshService>(),
    }))
    for (const steps of batches) {
      const next = apply(snapshot, steps)
      const changes = changesBetween(snapshot, next)
      snapshot = next
      const before = all.map(({ seen }) => seen.now())
      mesh$.next({ snapshot, changes })
      for (const [i, { of, seen, told }] of all.entries()) {
        const now = seen.now()
        assert.deepEqual(plain(now.outbound, now.inbound), fromScratch(snapshot, of))
        const updates = seen.outbound.splice(0)
        for (const { view, changes: said } of updates) {
          if (said === 'all') told.clear()
          for (const [key, one] of said === 'all' ? union(view) : []) told.set(key, one)
          for (const [key, kind] of said === 'all' ? [] : said) {
            if (kind === 'endpoints')
              assert.equal(told.get(key)?.attributes, union(view).get(key)?.attributes)
            if (kind === 'removed') told.delete(key)
            else told.set(key, union(view).get(key)!)
          }
        }
        assert.deepEqual(byKey(told), byKey(union(now.outbound)))
        if (updates.length === 0) assert.equal(now.outbound, before[i]!.outbound)
      }
    }
    for (const { seen } of all) seen.stop()
    assert.equal(views.counters.active, 0)
    views.close()
  }
  fc.assert(
    fc.property(
      fc.array(aSidecar, { minLength: 1, maxLength: 4 }),
      fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 8 }),
      run,
    ),
    { numRuns: 500 },
  )
})

test('a layered map is a map', () => {
  const change = fc.tuple(fc.nat(60), fc.option(fc.nat(), { nil: undefined }))
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 20 }), { maxLength: 12 }), (batches) => {
      const plainMap = new Map<number, number>()
      let layered = LayeredMap.from<number, number>(new Map())
      for (const batch of batches) {
        layered = layered.with(new Map(batch))
        for (const [key, value] of new Map(batch))
          value === undefined ? plainMap.delete(key) : plainMap.set(key, value)
        assert.equal(layered.size, plainMap.size)
        assert.deepEqual(
          new Map(layered),
          new Map([...layered.keys()].map((key) => [key, plainMap.get(key)!])),
        )
        for (const key of plainMap.keys()) assert.ok(layered.has(key))
      }
    }),
    { numRuns: 100 },
  )
})
