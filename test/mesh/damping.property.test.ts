/** Whatever a registry says and when: what is shown differs from what it told only by the rules, and only for their time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Endpoint, Health, Service, Workload } from '#model/service.ts'
import type { RegistryUpdate } from '#registries/registry.ts'
import { FLAP_RULE } from '../../src/mesh/flaps.ts'
import { initialState, type MergeState, reduce } from '../../src/mesh/merge.ts'
import { defaultMeshOptions } from '../../src/mesh/precedence.ts'
import type { MergeEvent } from '../../src/mesh/said.ts'
import { delta, endpoint, full, outage, partial, service, workload } from './fakes.ts'

const HOLD = 20_000
const ranks: Record<Health, number> = { HEALTHY: 0, DEGRADED: 1, DRAINING: 2, UNHEALTHY: 3 }

const health = fc.constantFrom<Health>('HEALTHY', 'HEALTHY', 'UNHEALTHY', 'DEGRADED', 'DRAINING')
const endpoints = fc
  .uniqueArray(fc.record({ last: fc.nat(3), health }), { selector: ({ last }) => last, maxLength: 4 })
  .map((list) => list.map((one) => endpoint(`10.0.0.${one.last}`, { health: one.health })))
const services = fc.uniqueArray(
  fc.record({ n: fc.nat(2), endpoints }).map((one) => service(`s${one.n}.test`, 'a', one.endpoints)),
  { selector: ({ hostname }) => hostname, maxLength: 3 },
)
const pods = fc.uniqueArray(
  fc.record({ n: fc.nat(2), health }).map((one) => workload(`10.1.0.${one.n}`, { health: one.health })),
  { selector: ({ address }) => address, maxLength: 3 },
)
const update: fc.Arbitrary<RegistryUpdate> = fc.oneof(
  { weight: 2, arbitrary: fc.tuple(services, pods).map(([all, more]) => full(all, more)) },
  { weight: 1, arbitrary: fc.constant(full([])) },
  { weight: 1, arbitrary: fc.tuple(services, pods).map(([all, more]) => partial(all, more)) },
  {
    weight: 6,
    arbitrary: fc.tuple(services, pods, fc.nat(2), fc.nat(2)).map(([changed, more, gone, pod]) =>
      delta({
        changed: changed.filter(({ hostname }) => hostname !== `s${gone}.test`),
        removed: [`default/s${gone}.test`],
        changedWorkloads: more.filter(({ address }) => address !== `10.1.0.${pod}`),
        removedWorkloads: [`default/vm-10.1.0.${pod}`],
      }),
    ),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'trouble' as const, error: outage, since: new Date(0) }) },
)
const timeline = fc.array(fc.record({ wait: fc.constantFrom(0, 100, 700, 900, 3_000, 6_000), update }), {
  minLength: 1,
  maxLength: 25,
})

const start = (): MergeState =>
  initialState([{ name: 'a', kind: 'fake', role: 'registry' }], {
    ...defaultMeshOptions,
    protection: () => ({ share: 0.5, atLeast: 3, hold: HOLD }),
  })
const event = (now: number, said: MergeEvent['update']): MergeEvent =>
  ({ role: 'registry', source: 'a', at: new Date(now), update: said }) as MergeEvent

/** `service address` or `address`, with what is told or shown there. */
type Places = ReadonlyMap<string, Endpoint>
const placesOf = (all: Iterable<Service>, more: Iterable<Workload>): Places =>
  new Map([
    ...[...all].flatMap((one) =>
      one.endpoints.map((e): [string, Endpoint] => [`${one.hostname} ${e.address}`, e]),
    ),
    ...[...more].map((one): [string, Endpoint] => [one.address, one]),
  ])
const shownIn = (state: MergeState): Places => {
  const said = state.said.get('a')!
  return placesOf(said.services.values(), said.workloads.values())
}

const hear = (told: Map<string, Service>, pods: Map<string, Workload>, said: RegistryUpdate): void => {
  if (said.kind === 'trouble') return
  if (said.kind === 'full' && said.missing === undefined) {
    told.clear()
    pods.clear()
  }
  for (const key of said.kind === 'delta' ? said.removed : []) told.delete(key)
  for (const key of said.kind === 'delta' ? said.removedWorkloads : []) pods.delete(key)
  for (const one of said.kind === 'full' ? said.services : said.changed)
    told.set(`default/${one.hostname}`, one)
  for (const one of said.kind === 'full' ? said.workloads : said.changedWorkloads)
    pods.set(`default/${one.workload}`, one)
}

/** Runs what is due up to `until`, with a look at each moment. */
const pass = (
  before: MergeState,
  until: number,
  look: (state: MergeState, now: number) => void,
): MergeState => {
  let state = before
  for (let wake = state.said.get('a')!.wake; wake !== undefined && wake <= until; ) {
    state = reduce(state, event(wake, { kind: 'tick' })).state
    look(state, wake)
    const next = state.said.get('a')!.wake
    assert.ok(next === undefined || next > wake, 'it goes on')
    wake = next
  }
  return state
}

test('what is shown is what was told, but for what is held, delayed or lingers, each for its time', () => {
  fc.assert(
    fc.property(timeline, (steps) => {
      const [services, pods] = [new Map<string, Service>(), new Map<string, Workload>()]
      /** When what is told of a place became what it is now. */
      const since = new Map<string, number>()
      let told: Places = new Map()
      const look = (state: MergeState, now: number): void => {
        const shown = shownIn(state)
        const { held } = state.said.get('a')!.books.services
        const { held: heldPods } = state.said.get('a')!.books.workloads
        for (const [place, { health: is }] of told) {
          const seen = shown.get(place)
          assert.ok(seen, `${place} is told, so it is shown`)
          if (ranks[seen.health] === ranks[is]) continue
          assert.ok(ranks[seen.health] < ranks[is], `${place}: only downs wait`)
          const delay = is === 'DRAINING' ? FLAP_RULE.removal : FLAP_RULE.worsening
          assert.ok(now < since.get(place)! + delay, `${place}: worse in time`)
        }
        for (const place of shown.keys()) {
          if (told.has(place)) continue
          const [host, address] = place.includes(' ') ? place.split(' ') : ['', place]
          const isHeld =
            held.get(`default/${host}`)?.endpoints.has(`|${address}`) ||
            heldPods.get(`default/vm-${address}`) !== undefined
          assert.ok(isHeld || now < since.get(place)! + FLAP_RULE.removal, `${place}: gone in time`)
        }
      }
      let state = start()
      let now = 0
      for (const step of steps) {
        state = pass(state, now + step.wait, look)
        now += step.wait
        const before = state
        hear(services, pods, step.update)
        const next = placesOf(services.values(), pods.values())
        for (const place of new Set([...told.keys(), ...next.keys()]))
          if (told.get(place)?.health !== next.get(place)?.health) since.set(place, now)
        const said = step.update
        const emptied = said.kind === 'full' && said.services.length + said.workloads.length === 0
        told = next
        state = reduce(state, event(now, step.update)).state
        look(state, now)
        const { books } = before.said.get('a')!
        if (emptied && books.services.waiting.size + books.workloads.waiting.size === 0)
          assert.equal(state.snapshot.services, before.snapshot.services, 'an empty answer takes nothing')
      }
      state = reduce(state, event(now, delta({}))).state
      state = pass(state, now + 2 * HOLD + 60_000, look)
      assert.deepEqual(
        new Map([...shownIn(state)].map(([place, e]) => [place, e.health])),
        new Map([...told].map(([place, e]) => [place, e.health])),
      )
      const { books, holds, wake, services: shown, state: source } = state.said.get('a')!
      assert.deepEqual([...shown.keys()].sort(), [...services.keys()].sort())
      assert.deepEqual([holds, wake, source.protectedServices], [[], undefined, undefined])
      for (const { held, flaps, waiting, leaving, endpoints: count, told: all } of Object.values(books)) {
        assert.deepEqual([held.size, flaps.size, waiting.size, leaving.size], [0, 0, 0, 0])
        const exact = [...all.values()].reduce(
          (sum, one) => sum + ('endpoints' in one ? one.endpoints.length : 1),
          0,
        )
        assert.equal(count, exact)
      }
    }),
    { numRuns: 300 },
  )
})

test('without a mass disappearance, the first two downs within the window are immediate, and each removal is', () => {
  const step = fc.record({ wait: fc.constantFrom(100, 5_000, 31_000), down: fc.boolean() })
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 20 }),
      fc.constantFrom<Health | 'gone'>('gone', 'UNHEALTHY'),
      (steps, how) => {
        const word = (down: boolean) =>
          delta({
            changed: [
              service('x.test', 'a', [
                '10.0.0.9',
                ...(down && how === 'gone'
                  ? []
                  : [endpoint('10.0.0.1', { health: down ? (how as Health) : 'HEALTHY' })]),
              ]),
            ],
          })
        let state = reduce(start(), event(0, full([]))).state
        state = reduce(state, event(0, word(false))).state
        let [now, wasDown] = [0, false]
        let downs: number[] = []
        for (const { wait, down } of steps) {
          now += wait
          state = pass(state, now, () => {})
          downs = downs.filter((at) => at > now - FLAP_RULE.window)
          if (down && !wasDown) downs.push(now)
          wasDown = down
          state = reduce(state, event(now, word(down))).state
          const shown = shownIn(state).get('x.test 10.0.0.1')?.health
          if (!down) assert.equal(shown, 'HEALTHY')
          else if (how === 'gone') assert.equal(shown, undefined)
          else if (downs.length <= 2 && downs.at(-1) === now) assert.notEqual(shown, 'HEALTHY')
          else if (downs.at(-1) === now) assert.equal(shown, 'HEALTHY')
        }
      },
    ),
    { numRuns: 300 },
  )
})
