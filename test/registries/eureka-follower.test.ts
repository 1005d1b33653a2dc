/** Eureka: which answer of a server is believed, in virtual time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { followed, GONE, status } from './eureka-memory.ts'

test('full first, deltas then; what they call DELETED is gone at once', async () => {
  const { one, look, known, asked } = followed()
  one.put('1')
  one.put('2')
  await look()
  assert.deepEqual(asked(), ['/apps /apps/delta'])
  one.remove('1')
  one.put('3')
  await look()
  assert.equal(known(), '2 3')
  assert.deepEqual(asked(), ['/apps/delta'])
})

test('away for longer than deltas reach back: all is fetched, and what is left out is gone', async () => {
  const { one, look, known, asked } = followed()
  one.put('1')
  one.put('2')
  one.put('3')
  await look()
  one.remove('3')
  one.forget()
  one.date += 300_000
  asked()
  await look(149)
  assert.deepEqual(asked(), ['/apps/delta /apps /apps/delta'], 'its hash tells that something was missed')
  assert.equal(known(), '1 2')
  one.remove('2')
  one.forget()
  await look(150)
  assert.deepEqual(asked(), ['/apps /apps/delta'])
  assert.equal(known(), '1')
})

test('restarted: nothing is lost while it fills up, and what never comes is let go as a new history', async () => {
  const { one, look, known, knowledge } = followed()
  one.put('1')
  one.put('2')
  await look()
  knowledge.take()
  one.restart()
  await look()
  assert.equal(known(), '1? 2?')
  one.put('1')
  await look()
  assert.equal(known(), '1 2?')
  await look(240)
  assert.equal(known(), '1 2?')
  assert.equal(knowledge.take().newHistory, false)
  await look(30)
  assert.equal(known(), '1')
  assert.equal(knowledge.take().newHistory, true)
})

test('what is missing and then deregistered goes at once; the end of an earlier life is none', async () => {
  const { memory, one, look, known } = followed({}, 2)
  for (const server of memory) {
    server.put('1', { lastDirtyTimestamp: 100 })
    server.put('2', { lastDirtyTimestamp: 100 })
    server.put('3', { lastDirtyTimestamp: 100 })
  }
  await look()
  one.instead = { apps: () => GONE, delta: () => GONE }
  // Both left the second server; 3 has registered anew with the first one since.
  memory[1]!.remove('2')
  memory[1]!.remove('3', { lastDirtyTimestamp: 50 })
  await look()
  assert.equal(known(), '1 3?')
})

test("an older answer of the server's cache takes nothing away", async () => {
  const { one, look, known } = followed()
  one.put('1')
  one.put('2')
  const staleApps = one.apps()
  await look()
  // 3 was there, went and came back: the cache keeps the delta of when it was gone.
  one.put('3')
  one.remove('3')
  const staleDelta = one.delta()
  one.put('3')
  one.instead = { apps: () => staleApps }
  await look()
  assert.equal(known(), '1 2 3', 'from the delta alone')
  one.instead = { apps: () => staleApps, delta: () => staleDelta }
  await look()
  assert.match(known(), /^1 2 3\??$/)
  one.instead = {}
  await look()
  assert.equal(known(), '1 2 3')
})

test('half a list: its own hash tells', async () => {
  const { one, look, known } = followed({ disableDelta: true })
  one.put('1')
  one.put('2')
  await look()
  const all = JSON.parse((one.apps() as { body: string }).body)
  all.applications.application[0].instance.pop()
  one.instead = { apps: () => ({ kind: 'answer', status: 200, body: JSON.stringify(all) }) }
  assert.equal(await look(), 'failed')
  assert.equal(known(), '1 2')
})

test('a server without deltas: asked in full, and what it leaves out is gone', async () => {
  const { one, look, known, asked } = followed()
  one.put('1')
  one.put('2')
  one.instead = { delta: () => status(403) }
  await look()
  asked()
  one.remove('2')
  await look()
  assert.equal(known(), '1')
  assert.deepEqual(asked(), ['/apps'])
  await look(600)
  assert.deepEqual(asked(), ['/apps /apps/delta'], 'tried again after ten minutes')
})
