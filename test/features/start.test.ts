/** What an operator reads when nothing is served. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { watchStart } from '#src/observe.ts'
import { silentLogger } from '#support/logger.ts'

test('xDS stays closed after the grace: said once, with who is waited for and what to do', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const said: string[] = []
  const log = {
    ...silentLogger,
    error: (fields: object, text: string) => said.push(`${JSON.stringify(fields)} ${text}`),
  }
  const waiting = { ready: false, waitingFor: [{ registry: 'file/mesh', since: new Date(0) }] } as const
  watchStart({ readiness: () => waiting }, 30_000, log)
  watchStart({ readiness: () => ({ ready: true }) }, 30_000, log)
  watchStart({ readiness: () => waiting }, 30_000, log)()
  t.mock.timers.tick(30_000)
  assert.deepEqual(said, [])
  t.mock.timers.tick(60_000)
  assert.equal(said.length, 1)
  assert.match(said[0]!, /file\/mesh.*xDS stays closed.*bring one back/)
})
