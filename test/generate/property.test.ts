/** Whatever happens to a view: going on from the layer before and making it anew give the same bytes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { MeshService } from '#model/mesh.ts'
import type { EgressListener, OutboundView, TrafficMode, ViewUpdate } from '#sidecar/view.ts'
import { createGenerator } from '#xds/generate/index.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { endpoint, outbound, port, service, settings } from './fixtures.ts'
import { versions } from './read.ts'

const protocols = ['HTTP', 'GRPC', 'TCP', 'TLS', 'AUTO', 'MySQL'] as const
const anyService = fc.record({
  id: fc.integer({ min: 0, max: 5 }),
  ports: fc.uniqueArray(
    fc.record({ number: fc.constantFrom(80, 443, 7000), protocol: fc.constantFrom(...protocols) }),
    { selector: ({ number }) => number, maxLength: 3 },
  ),
  endpoints: fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
  addresses: fc.subarray(['240.0.0.1', '240.0.0.2', '10.0.0.0/8', 'fd00::1']),
  aliases: fc.subarray(['shared.example.com', 'ALIAS']),
  resolution: fc.constantFrom('STATIC', 'DNS', 'NONE', 'DYNAMIC_DNS'),
  headless: fc.boolean(),
  createdAt: fc.option(fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'), { nil: undefined }),
})
type Spec = typeof anyService extends fc.Arbitrary<infer S> ? S : never
const step = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), spec: anyService }),
  fc.record({
    kind: fc.constant('endpoints' as const),
    id: fc.integer({ min: 0, max: 5 }),
    endpoints: fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant('remove' as const), id: fc.integer({ min: 0, max: 5 }) }),
)

const host = (id: number) => `s${id}.example.com`
const addresses = (ids: readonly number[]) => ids.map((n) => endpoint(`10.1.0.${n}`))
const make = ({ id, ports, endpoints, resolution, headless, ...more }: Spec): MeshService =>
  service(
    host(id),
    ports.map(({ number, protocol }) => port(number, protocol)),
    addresses(endpoints),
    {
      ...more,
      resolution,
      headless: headless && resolution === 'STATIC',
    },
  )

/** A Sidecar's egress listener that takes port 80 for some of the services. */
const withListener = (services: ReadonlyMap<string, MeshService>): EgressListener => ({
  port: 80,
  protocol: 'HTTP',
  name: 'http',
  bindToPort: false,
  services: new Map([...services].filter(([key]) => key < host(3))),
})

test('steps and a rebuild agree, and every change is named', () => {
  const generators = { steps: createGenerator(settings), anew: createGenerator(settings) }
  const modes = fc.constantFrom<TrafficMode>('transparent', 'explicit', 'grpc')
  fc.assert(
    fc.property(modes, fc.boolean(), fc.array(step, { maxLength: 12 }), (mode, sidecar, steps) => {
      const services = new Map<string, MeshService>()
      const view = (): OutboundView => {
        const now = new Map(services)
        return outbound([...now.values()], { mode, listeners: sidecar ? [withListener(now)] : [] })
      }
      let layer = generators.steps.outbound(undefined, { view: view(), changes: 'all' })
      for (const each of steps) {
        const changes = apply(services, each)
        if (changes === undefined) continue
        const before = layer
        layer = generators.steps.outbound(layer, { view: view(), changes })
        const anew = generators.anew.outbound(undefined, { view: view(), changes: 'all' })
        assert.deepEqual(versions(layer.set), versions(anew.set))
        for (const typeUrl of Object.values(typeUrls))
          assert.deepEqual(
            layer.changed === 'all' ? [] : [...(layer.changed.get(typeUrl) ?? [])].sort(),
            differing(before.set, layer.set, typeUrl),
          )
      }
    }),
    { numRuns: 150 },
  )
})

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never
function apply(
  services: Map<string, MeshService>,
  each: Step,
): ViewUpdate<OutboundView>['changes'] | undefined {
  const key = host(each.kind === 'put' ? each.spec.id : each.id)
  const old = services.get(key)
  if (each.kind === 'put') {
    services.set(key, make(each.spec))
    return new Map([[key, 'attributes']])
  }
  if (old === undefined) return undefined
  if (each.kind === 'remove') {
    services.delete(key)
    return new Map([[key, 'removed']])
  }
  services.set(key, { ...old, endpoints: addresses(each.endpoints) })
  return new Map([[key, 'endpoints']])
}

type Set_ = ReturnType<ReturnType<typeof createGenerator>['outbound']>['set']
const differing = (a: Set_, b: Set_, typeUrl: string): readonly string[] =>
  [...new Set([...a.all(typeUrl), ...b.all(typeUrl)].map(({ name }) => name))]
    .filter((name) => a.get(typeUrl, name)?.version !== b.get(typeUrl, name)?.version)
    .sort()
