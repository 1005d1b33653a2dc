import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recentCache } from '#xds/generate/cache.ts'

test('of names that clients make up the last ones are kept', () => {
  const cache = recentCache<{ of: string }>(3)
  let made = 0
  const ask = (name: string) =>
    cache(name, () => {
      made++
      return { of: name }
    })
  const first = ask('a')
  for (const name of ['b', 'c', 'a', 'd', 'a']) assert.equal(ask(name).of, name)
  assert.equal(ask('a'), first, 'still asked for')
  assert.equal(made, 4)
  for (const name of ['e', 'f', 'g', 'h', 'i', 'j']) ask(name)
  assert.notEqual(ask('a'), first, 'not asked for any more')
})

test('a name that is too long to be one is not kept', () => {
  const cache = recentCache<object>(3)
  const ask = () => cache('x'.repeat(5000), () => ({}))
  assert.notEqual(ask(), ask())
})
