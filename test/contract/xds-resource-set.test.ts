import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { makeResource } from '#xds/make-resource.ts'
import {
  advance,
  type ChangeableResourceSet,
  emptyResourceSet,
  layered,
  withChanges,
  withMissing,
} from '#xds/resource-set.ts'
import type { Resource, ResourceSet } from '#xds/resources.ts'

const T = 'type.googleapis.com/test.T'
const r = (name: string, content: string, type = T): Resource =>
  makeResource(type, name, Buffer.from(`${name}=${content}`))

const listOf = (set: ResourceSet): string[] => [...set.all(T)].map((x) => `${x.name}:${x.version}`).sort()

test('a change makes a new set and leaves the old one as it was', () => {
  const one = withChanges(emptyResourceSet, [r('a', '1'), r('b', '1')])
  const two = withChanges(one, [r('a', '2')], [r('b', '1')])
  assert.equal(one.get(T, 'b')?.name, 'b')
  assert.equal(two.get(T, 'b'), undefined)
  assert.equal(two.size(T), 1)
  assert.notEqual(one.version(T), two.version(T))
  assert.equal(emptyResourceSet.size(T), 0)
  assert.match(emptyResourceSet.version(T), /^[0-9a-f]{16}$/)
})

test('what does not differ is no change', () => {
  const one = withChanges(emptyResourceSet, [r('a', '1')])
  assert.equal(withChanges(one, [r('a', '1')], [{ typeUrl: T, name: 'gone' }]), one)
  assert.equal(advance(one, [r('a', '1')]), undefined)
  assert.deepEqual(
    advance(one, [r('a', '2'), r('c', '1', 'other')])?.changed,
    new Map([
      [T, new Set(['a'])],
      ['other', new Set(['c'])],
    ]),
  )
})

test('missing names are answered by the given function, also after changes', () => {
  const set = withChanges(
    withMissing(emptyResourceSet, (type, name) => r(name, 'empty', type)),
    [r('a', '1')],
  )
  assert.equal(set.missing(T, 'x')?.name, 'x')
  assert.equal(layered(emptyResourceSet, set).missing(T, 'x')?.name, 'x')
})

const change = fc.record({
  upserts: fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 2 })), {
    maxLength: 30,
  }),
  removals: fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 10 }),
})

/** A set and what it should hold. */
function play(
  changes: readonly { upserts: [number, number][]; removals: number[] }[],
): [ChangeableResourceSet, Map<string, Resource>] {
  let set: ChangeableResourceSet = emptyResourceSet
  const model = new Map<string, Resource>()
  for (const { upserts, removals } of changes) {
    const resources = upserts.map(([n, v]) => r(`n${n}`, String(v)))
    set = withChanges(
      set,
      resources,
      removals.map((n) => ({ typeUrl: T, name: `n${n}` })),
    )
    for (const n of removals) model.delete(`n${n}`)
    for (const resource of resources) model.set(resource.name, resource)
  }
  return [set, model]
}

test('any history of changes gives what a Map would hold, with the version of these resources', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
      const [set, model] = play(changes)
      const fresh = withChanges(emptyResourceSet, [...model.values()].reverse())
      assert.deepEqual(listOf(set), listOf(fresh))
      assert.equal(set.size(T), model.size)
      assert.equal(set.version(T), fresh.version(T))
      for (let n = 0; n <= 60; n++) assert.equal(set.get(T, `n${n}`)?.version, model.get(`n${n}`)?.version)
    }),
    { numRuns: 60 },
  )
})

test('two layers are one set', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 4 }), fc.array(change, { maxLength: 4 }), (a, b) => {
      const [first, top] = play(a)
      const [second, bottom] = play(b)
      const both = layered(first, second)
      const flat = withChanges(emptyResourceSet, new Map([...bottom, ...top]).values())
      assert.deepEqual(listOf(both), listOf(flat))
      assert.equal(both.size(T), flat.size(T))
      assert.equal(both.version(T), flat.version(T))
    }),
    { numRuns: 60 },
  )
})
