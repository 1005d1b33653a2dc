/** Who pushes next, in virtual time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTurns } from '#xds/server/turns.ts'

function world() {
  let clock = 0
  const said: string[] = []
  const later: (() => void)[] = []
  const turns = createTurns({ now: () => clock, later: (work) => void later.push(work) })
  const add = (name: string, urgency: 'change' | 'sync', ms = 1) => {
    const before = said.length
    turns.add(() => {
      clock += ms
      said.push(name)
    }, urgency)
    return said.slice(before)
  }
  const slice = () => {
    const before = said.length
    later.shift()?.()
    return said.slice(before)
  }
  return { add, slice, waiting: () => later.length }
}

test('changes are said at once for 24 ms, the rest in slices of 12', () => {
  const { add, slice, waiting } = world()
  const atOnce = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].flatMap((name) => add(name, 'change', 6))
  assert.deepEqual(atOnce, ['a', 'b', 'c', 'd'])
  assert.equal(waiting(), 1)
  assert.deepEqual(slice(), ['e', 'f'])
  assert.deepEqual(slice(), ['g', 'h'])
  assert.deepEqual(slice(), ['i'])
  assert.equal(waiting(), 0)
})

test('a change does not overtake one that waits', () => {
  const { add, slice } = world()
  add('a', 'change', 24)
  add('b', 'change', 12)
  add('c', 'change', 12)
  assert.deepEqual(slice(), ['b'])
  assert.deepEqual(add('d', 'change'), [])
  assert.deepEqual(slice(), ['c'])
  assert.deepEqual(slice(), ['d'])
})

test('changes overtake newcomers, of whom one a slice goes on all the same', () => {
  const { add, slice } = world()
  for (const name of ['new 1', 'new 2', 'new 3']) assert.deepEqual(add(name, 'sync', 6), [])
  add('first', 'change', 24)
  for (const name of ['a', 'b', 'c']) add(name, 'change', 3)
  assert.deepEqual(slice(), ['new 1', 'a', 'b'])
  add('d', 'change', 3)
  assert.deepEqual(slice(), ['new 2', 'c', 'd'])
  assert.deepEqual(slice(), ['new 3'])
})
