import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { zoneOf } from '#model/load.ts'
import { capacityOf, localityShares } from '#model/locality-weights.ts'
import { endpoint } from '../generate/fixtures.ts'

const map = (amounts: Readonly<Record<string, number>>) => new Map(Object.entries(amounts))
const rounded = (shares: ReadonlyMap<string, number>) =>
  Object.fromEntries([...shares].map(([zone, share]) => [zone, Math.round(share * 1000) / 1000]))

describe('how the requests of a zone spread', () => {
  const even = { a: 1, b: 1 }
  const rows: readonly (readonly [
    name: string,
    from: string,
    demand: Readonly<Record<string, number>> | undefined,
    capacity: Readonly<Record<string, number>>,
    shares: object,
  ])[] = [
    ['no demand: by capacity', 'a', undefined, { a: 1, b: 3 }, { a: 0.25, b: 0.75 }],
    ['demand of others only: by capacity', 'a', { b: 1 }, { a: 1, b: 3 }, { a: 0.25, b: 0.75 }],
    ['balanced: all stays', 'a', { a: 5, b: 5 }, even, { a: 1 }],
    ['a quiet zone keeps its own', 'b', { a: 90, b: 10 }, even, { b: 1 }],
    ['a busy one keeps its fair share', 'a', { a: 90, b: 10 }, even, { a: 0.556, b: 0.444 }],
    [
      'what is too much goes where there is room',
      'a',
      { a: 60, b: 10, c: 20 },
      { a: 1, b: 1, c: 1 },
      { a: 0.5, b: 0.333, c: 0.167 },
    ],
    ['a zone without endpoints goes where there is room', 'c', { a: 5, c: 5 }, even, { b: 1 }],
    ['a zone without endpoints, and no room', 'c', { a: 5, b: 5 }, even, { a: 0.5, b: 0.5 }],
    ['no capacity: nobody', 'a', { a: 1 }, {}, {}],
  ]
  for (const [name, from, demand, capacity, shares] of rows)
    test(name, () =>
      assert.deepEqual(rounded(localityShares(from, demand && map(demand), map(capacity))), shares),
    )
})

const zones = ['', 'r/a', 'r/b', 'r/c', 's/a']
const amounts = (min: number) =>
  fc
    .array(fc.integer({ min, max: 1_000_000 }), { maxLength: zones.length })
    .map((list) => new Map(list.map((amount, i) => [zones[i]!, amount])))
const some = amounts(1).filter(({ size }) => size > 0)
const any = (map: ReadonlyMap<string, number>) => [...map.values()].reduce((a, b) => a + b, 0)

test('property: shares add up to 1, none is negative, and all are of zones that have endpoints', () => {
  fc.assert(
    fc.property(fc.constantFrom(...zones), amounts(0), some, (from, demand, capacity) => {
      const shares = localityShares(from, demand, capacity)
      assert.ok(Math.abs(any(shares) - 1) < 1e-9)
      for (const [zone, share] of shares) assert.ok(share >= 0 && capacity.has(zone))
    }),
  )
})

test('property: no zone gets more than its fair share', () => {
  fc.assert(
    fc.property(amounts(1), some, (demand, capacity) => {
      for (const zone of capacity.keys()) {
        let load = 0
        for (const [from, rate] of demand)
          load += rate * (localityShares(from, demand, capacity).get(zone) ?? 0)
        const fair = (any(demand) * capacity.get(zone)!) / any(capacity)
        assert.ok(load <= fair * (1 + 1e-9) + 1e-9, `${load} of ${fair} to ${zone}`)
      }
    }),
  )
})

test('property: no more leaves a zone than must; where demand is as capacity, nothing', () => {
  fc.assert(
    fc.property(amounts(1), some, fc.integer({ min: 1, max: 100 }), (demand, capacity, times) => {
      for (const [zone, rate] of demand) {
        const fair = (any(demand) * (capacity.get(zone) ?? 0)) / any(capacity)
        const stays = localityShares(zone, demand, capacity).get(zone) ?? 0
        assert.ok(Math.abs(stays - Math.min(1, fair / rate)) < 1e-9)
      }
      const balanced = new Map([...capacity].map(([zone, amount]) => [zone, amount * times]))
      for (const zone of capacity.keys())
        assert.ok(Math.abs(localityShares(zone, balanced, capacity).get(zone)! - 1) < 1e-9)
    }),
  )
})

test('property: Pilots that each see some of the clients balance together', () => {
  fc.assert(
    fc.property(fc.array(some, { minLength: 1, maxLength: 4 }), some, (pilots, capacity) => {
      const all = pilots.reduce((sum, demand) => sum + any(demand), 0)
      for (const zone of capacity.keys()) {
        let load = 0
        for (const demand of pilots)
          for (const [from, rate] of demand)
            load += rate * (localityShares(from, demand, capacity).get(zone) ?? 0)
        assert.ok(load <= ((all * capacity.get(zone)!) / any(capacity)) * (1 + 1e-9) + 1e-9)
      }
    }),
  )
})

test('capacity is the weight of what is healthy, by region and zone', () => {
  const at = (zone: string, subzone: string) => ({ locality: { region: 'r', zone, subzone } })
  const capacity = capacityOf([
    endpoint('10.0.0.1', { ...at('a', '1'), weight: 3 }),
    endpoint('10.0.0.2', at('a', '2')),
    endpoint('10.0.0.3', { ...at('b', '1'), health: 'DRAINING' }),
    endpoint('10.0.0.4'),
  ])
  assert.deepEqual(Object.fromEntries(capacity), { 'r/a': 4, '': 1 })
  assert.equal(zoneOf({ region: 'r', zone: '' }), 'r')
})
