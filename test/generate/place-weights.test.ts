/** Weights of localities by load, in endpoints and clusters. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Demand, Demands } from '#model/load.ts'
import type { MeshEndpoint } from '#model/mesh.ts'
import type { OutboundView } from '#sidecar/view.ts'
import { createGenerator } from '#xds/generate/index.ts'
import { counting, endpoint, outbound, settings as plain, port, service } from './fixtures.ts'
import { changedNames, type Json, read } from './read.ts'

const settings = {
  ...plain,
  localityLbEnabled: false,
  localityWeightsFromLoad: { interval: 30_000, threshold: 0.05 },
}
const at = (zone: string, subzone = '') => ({ locality: { region: 'r', zone, subzone } })
const in_ = (zone: string, more: Partial<OutboundView> = {}) => ({ ...more, ...at(zone) })
const demandsOf = (demand: Demand | undefined): Demands =>
  new Map([['a.example.com', new Map(demand && [[80, demand]])]])
const name = 'outbound|80||a.example.com'
const service80 = (endpoints: readonly MeshEndpoint[]) =>
  service('a.example.com', [port(80, 'HTTP', 'http')], endpoints)

/** Weight by zone and subzone, of clients in `from`. */
function weights(
  endpoints: readonly MeshEndpoint[],
  demand?: Readonly<Record<string, number>>,
  from = 'a',
  mode: OutboundView['mode'] = 'transparent',
) {
  const demands = demandsOf(demand && new Map(Object.entries(demand)))
  const view = outbound([service80(endpoints)], in_(from, { demands, mode }))
  const { set } = createGenerator(settings).outbound(undefined, { view, changes: 'all' })
  return Object.fromEntries(
    (read(set, 'endpoint', name).endpoints as Json[]).map(
      ({ locality, priority = 0, loadBalancingWeight = 0 }: Json) => [
        `${priority ? `${priority} ` : ''}${locality.zone ?? ''}${locality.subZone ?? ''}`,
        loadBalancingWeight,
      ],
    ),
  )
}

describe('weights of localities', () => {
  const two = [endpoint('10.0.0.1', at('a')), endpoint('10.0.0.2', at('b'))]
  test('by capacity without demand', () => {
    assert.deepEqual(weights([...two, endpoint('10.0.0.3', at('b'))]), { a: 3333, b: 6667 })
  })
  test('by demand', () => {
    assert.deepEqual(weights(two, { 'r/a': 90, 'r/b': 10 }), { a: 5556, b: 4444 })
    assert.deepEqual(weights(two, { 'r/a': 90, 'r/b': 10 }, 'b'), { a: 0, b: 10_000 })
    assert.deepEqual(weights(two, { 'r/a': 90, 'r/b': 5, 'r/c': 5 }, 'c'), { a: 0, b: 10_000 })
    assert.deepEqual(weights(two, { 'r/a': 90, 'r/b': 10 }, 'unheard'), { a: 5000, b: 5000 })
  })
  test('localities of one zone share by what they weigh', () => {
    const racks = [
      endpoint('10.0.0.1', { ...at('a', '1'), weight: 3 }),
      endpoint('10.0.0.2', at('a', '2')),
      endpoint('10.0.0.3', { ...at('b'), weight: 4 }),
    ]
    assert.deepEqual(weights(racks, { 'r/a': 80, 'r/b': 20 }), { a1: 4688, a2: 1563, b: 3750 })
  })
  test('what Envoy takes from a locality where few are well is made up for', () => {
    const health = 'UNHEALTHY' as const
    const half = [
      ...two,
      endpoint('10.0.0.3', { ...at('a'), health }),
      endpoint('10.0.0.4', { ...at('b'), health }),
      endpoint('10.0.0.5', { ...at('b'), health }),
    ]
    const sent = weights(half)
    // Envoy: weight * min(1, 1.4 * healthy / all).
    assert.ok(Math.abs((sent.a! * 0.7) / (sent.b! * (1.4 / 3)) - 1) < 0.001, JSON.stringify(sent))
    assert.deepEqual(weights(half, undefined, 'a', 'grpc'), { a: 5000, b: 5000 }, 'gRPC takes nothing')
  })
  test('nobody is well: by weight, as ever; a locality where nobody is well gets nothing', () => {
    const health = 'UNHEALTHY' as const
    const ill = two.map((each) => ({ ...each, weight: 2, health }))
    assert.deepEqual(weights(ill, { 'r/a': 1 }), { a: 2, b: 2 })
    assert.deepEqual(weights([two[0]!, ill[1]!], { 'r/b': 1 }, 'b'), { a: 10_000, b: 0 })
  })
  test('each priority by itself', () => {
    const ranks = [...two, endpoint('10.0.0.3', { ...at('b'), priority: 1 })]
    assert.deepEqual(weights(ranks, { 'r/a': 90, 'r/b': 10 }), { a: 5556, b: 4444, '1 b': 10_000 })
  })
})

test('a demand of another port is encoded anew for none but that port, once for a zone, and nothing else is', () => {
  const counters = counting()
  const generator = createGenerator(settings, counters)
  const one = service(
    'a.example.com',
    [port(80, 'HTTP', 'http'), port(90, 'HTTP', 'admin')],
    [endpoint('10.0.0.1', at('a')), endpoint('10.0.0.2', at('b'))],
  )
  const views = ['a', 'b'].flatMap((zone) =>
    ['one', 'two', 'three'].map((namespace) => outbound([one], in_(zone, { namespace }))),
  )
  const first = views.map((view) => generator.outbound(undefined, { view, changes: 'all' }))
  const encodes = () => counters.of('encodes')
  const step = (layers: typeof first, demands: Demands) =>
    layers.map((layer, i) =>
      generator.outbound(layer, {
        view: { ...views[i]!, demands },
        changes: new Map([['a.example.com', 'endpoints']]),
      }),
    )
  const busy = new Map([
    ['r/a', 9],
    ['r/b', 1],
  ])
  const other = new Map([
    ['r/a', 1],
    ['r/b', 1],
  ])
  let before = encodes()
  const second = step(first, demandsOf(busy))
  assert.equal(encodes() - before, 2)
  for (const { changed } of second) assert.deepEqual(changedNames(changed), [`endpoint ${name}`])
  before = encodes()
  const third = step(second, demandsOf(other))
  assert.equal(encodes() - before, 2)
  assert.equal(third[0]!.set.get(endpointUrl, name), third[1]!.set.get(endpointUrl, name))
  before = encodes()
  for (const { changed } of step(third, demandsOf(undefined)))
    assert.deepEqual(changedNames(changed), [`endpoint ${name}`])
  step(third, demandsOf(busy))
  assert.equal(encodes() - before, 0, 'both were there before')
})

const endpointUrl = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment'

test('clusters of endpoints that come by EDS heed the weights, if the setting is on', () => {
  const config = (of: typeof plain) => {
    const view = outbound([service80([endpoint('10.0.0.1')])])
    const { set } = createGenerator(of).outbound(undefined, { view, changes: 'all' })
    return read(set, 'cluster', name).commonLbConfig
  }
  assert.deepEqual(config(settings), { healthyPanicThreshold: {}, localityWeightedLbConfig: {} })
  assert.deepEqual(config(plain), { healthyPanicThreshold: {} })
})
