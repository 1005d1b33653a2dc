import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { keep, sameContent } from '#support/equal.ts'
import { SortedMap } from '../../src/mesh/sorted-map.ts'

const key = fc.oneof(fc.integer({ min: 0, max: 600 }).map(String), fc.string({ maxLength: 3 }))
const change = fc.tuple(key, fc.option(fc.nat(), { nil: undefined }))
const changes = fc.oneof(
  { weight: 5, arbitrary: fc.array(change, { maxLength: 20 }) },
  { weight: 1, arbitrary: fc.array(change, { minLength: 250, maxLength: 800, size: 'max' }) },
)

test('behaves as a Map that is sorted, and every version stands', () => {
  fc.assert(
    fc.property(fc.array(changes, { maxLength: 12 }), (steps) => {
      const reference = new Map<string, number>()
      let map = SortedMap.empty<number>()
      for (const step of steps) {
        const old = map
        const before = [...old]
        map = map.with(new Map(step))
        for (const [k, value] of new Map(step))
          value === undefined ? reference.delete(k) : reference.set(k, value)
        assert.deepEqual(
          [...map],
          [...reference].sort(([a], [b]) => (a < b ? -1 : 1)),
        )
        assert.equal(map.size, reference.size)
        assert.deepEqual([...old], before)
        for (const [k] of step) assert.equal(map.get(k), reference.get(k))
        assert.deepEqual([map.has('nobody'), map.get('nobody')], [false, undefined])
      }
      assert.deepEqual(
        [[...map.keys()], [...map.values()]],
        [[...new Map(map).keys()], [...new Map(map).values()]],
      )
    }),
    { numRuns: 100 },
  )
})

test('what changes nothing gives the same map', () => {
  const map = SortedMap.empty<number>().with(new Map([['a', 1]]))
  assert.equal(map.with(new Map([['b', undefined]])), map)
  assert.equal(map.with(new Map()), map)
})

test('sameContent compares what plain values say', () => {
  const table: readonly [unknown, unknown, boolean][] = [
    [{ a: 1, b: [1, { c: 'x' }] }, { b: [1, { c: 'x' }], a: 1 }, true],
    [{ a: 1, b: undefined }, { a: 1 }, true],
    [{ a: 1 }, { a: 1, b: null }, false],
    [{ constructor: 'x' }, {}, false],
    [{}, { toString: 'x' }, false],
    [[1, 2], [1, 2, 3], false],
    [[1], { 0: 1 }, false],
    [{ 0: 1 }, [1], false],
    [new Date(1), new Date(1), true],
    [new Date(1), new Date(2), false],
    [new Date(1), {}, false],
    [Number.NaN, Number.NaN, true],
    ['1', 1, false],
    [null, {}, false],
    [null, undefined, false],
  ]
  for (const [a, b, expected] of table) {
    assert.equal(sameContent(a, b), expected, JSON.stringify([a, b]))
    assert.equal(sameContent(b, a), expected, JSON.stringify([b, a]))
  }
  const old = { a: [1] }
  assert.equal(keep(old, { a: [1] }), old)
  assert.deepEqual(keep(old, { a: [2] }), { a: [2] })
})
