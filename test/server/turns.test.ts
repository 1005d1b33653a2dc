/** Who pushes next, in virtual time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTurns } from '#xds/server/turns.ts'

function world() {
  let clock = 0
  const said: string[] = []
  const later: (() => void)[] = []
  const turns = createTurns({ now: () => clock, later: (work) => void later.push(work) })
  const add = (name: string, urgency: 'change' | 'sync', ms = 1) =>
    turns.add(() => {
      clock += ms
      said.push(name)
    }, urgency)
  const slice = () => {
    const before = said.length
    later.shift()?.()
    return said.slice(before)
  }
  return { add, slice, waiting: () => later.length }
}

test('a slice ends after 12 ms, and the next goes on where it ended', () => {
  const { add, slice, waiting } = world()
  for (const name of ['a', 'b', 'c', 'd', 'e']) add(name, 'change', 3)
  assert.equal(waiting(), 1)
  assert.deepEqual(slice(), ['a', 'b', 'c', 'd'])
  assert.deepEqual(slice(), ['e'])
  assert.equal(waiting(), 0)
})

test('changes overtake newcomers, of whom one a slice goes on all the same', () => {
  const { add, slice } = world()
  for (const name of ['new 1', 'new 2', 'new 3']) add(name, 'sync', 6)
  for (const name of ['a', 'b', 'c']) add(name, 'change', 3)
  assert.deepEqual(slice(), ['new 1', 'a', 'b'])
  add('d', 'change', 3)
  assert.deepEqual(slice(), ['new 2', 'c', 'd'])
  assert.deepEqual(slice(), ['new 3'])
})
