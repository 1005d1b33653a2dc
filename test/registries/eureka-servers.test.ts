/** Eureka: which of several servers is asked, in virtual time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reply } from '#registries/eureka/client.ts'
import { followed, GONE, status } from './eureka-memory.ts'

test('in order; then the one that answers, until it does not', async () => {
  const { memory, look, known, asked } = followed({}, 3)
  for (const server of memory) server.put('1')
  memory[0]!.instead = { apps: () => GONE, delta: () => GONE }
  await look()
  assert.deepEqual(asked(), ['/apps', '/apps /apps/delta', ''])
  memory[0]!.instead = {}
  await look()
  assert.deepEqual(asked(), ['', '/apps/delta', ''])
  memory[1]!.instead = { apps: () => status(503), delta: () => status(503) }
  await look()
  assert.deepEqual(asked(), ['/apps /apps/delta', '/apps/delta', ''])
  assert.equal(known(), '1')
})

test('all of them gone: one failure with the words of each', async () => {
  const { follower } = followed({}, 2)
  const look = await follower.look(async ({ url }) => (url.includes('s0') ? GONE : status(429)))
  assert.ok(look.kind === 'failed')
  assert.match(look.error.message, /s0.*ECONNREFUSED.*s1.*429/)
  assert.equal(look.error.code, 'PH3001')
})

test('of several that leave something out, the one that leaves out least', async () => {
  const { memory, look, known } = followed({}, 3)
  for (const address of ['1', '2', '3']) memory[0]!.put(address)
  memory[1]!.put('1')
  memory[2]!.put('1')
  memory[2]!.put('2')
  await look()
  memory[0]!.instead = { apps: () => GONE, delta: () => GONE }
  await look()
  assert.equal(known(), '1 2 3?')
})

test('in doubt the others are asked every 5 s, and the one that has all is taken', async () => {
  const { memory, look, survey, known, asked, follower } = followed({}, 2)
  memory[0]!.put('1')
  memory[1]!.put('9')
  await look()
  memory[0]!.instead = { apps: () => GONE, delta: () => GONE }
  await look()
  assert.equal(known(), '1? 9')
  memory[0]!.instead = {}
  asked()
  await survey(5)
  assert.deepEqual(asked(), ['/apps /apps/delta', ''])
  assert.equal(known(), '1 9?')
  assert.ok(follower.surveyAt() !== undefined)
  await survey(5)
  assert.equal(known(), '1 9?', 'the other one does not know 1')
})

test('a better placed server is taken again after five minutes, if it leaves nothing out', async () => {
  const { memory, look, survey, asked, known } = followed({}, 2)
  for (const server of memory) server.put('1')
  memory[0]!.instead = { apps: () => GONE, delta: () => GONE }
  await look()
  memory[0]!.instead = {}
  memory[0]!.restart()
  asked()
  await survey(300)
  await look(0)
  assert.deepEqual(asked(), ['/apps', '/apps /apps/delta'], 'it is empty: not yet')
  memory[0]!.put('1')
  await survey(300)
  assert.deepEqual(asked(), ['/apps /apps/delta', ''])
  await look()
  assert.deepEqual(asked(), ['/apps/delta', ''])
  assert.equal(known(), '1')
})

for (const [why, options] of [
  ['all is fetched for the leases', { leaseExpiry: 300_000 }],
  ['there are no deltas', { disableDelta: true }],
] as const)
  test(`a better placed server is taken again, also where ${why} in between`, async () => {
    const { memory, look, survey, asked } = followed(options, 2)
    for (const server of memory) server.put('1')
    memory[0]!.instead = { apps: () => GONE, delta: () => GONE }
    await look()
    memory[0]!.instead = {}
    asked()
    for (let i = 0; i < 9; i++) {
      await look(30)
      await survey(0)
    }
    assert.equal(asked()[0], '', 'not before five minutes')
    await look(30)
    await survey(0)
    assert.match(asked()[0]!, /apps/)
    await look(30)
    assert.equal(asked()[1], '')
  })

test('heartbeats are in no delta: for the leases all is fetched every 150 s, and only then', async () => {
  const { one, look, asked, follower } = followed({ leaseExpiry: 300_000 })
  const lease = (lastRenewalTimestamp: number) => ({
    leaseInfo: { durationInSecs: 90, registrationTimestamp: 5, lastRenewalTimestamp },
  })
  one.put('1', lease(1_000_000))
  one.put('2', lease(1_000_000))
  one.instead = { apps: () => ({ ...one.apps(), date: 1_050_000 }) as Reply }
  await look()
  assert.equal(follower.expired().size, 0)
  asked()
  for (let i = 0; i < 4; i++) await look(30)
  assert.deepEqual(asked(), ['/apps/delta /apps/delta /apps/delta /apps/delta'])
  one.instead = { apps: () => ({ ...one.apps(), date: 1_390_001 }) as Reply }
  await look(30)
  assert.deepEqual(asked(), ['/apps/delta /apps'])
  assert.equal(follower.expired().size, 2)
})
