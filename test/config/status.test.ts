/** Status of custom resources: what is written, and who writes. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { VirtualTimeScheduler } from 'rxjs'
import { statusOf } from '#config/status/condition.ts'
import { type Lease, type LeaseSpec, nextStep, runElection } from '#config/status/election.ts'
import type { Issue } from '#model/issue.ts'

const NOW = new Date('2026-11-22T10:00:00Z')
const bad: Issue = {
  severity: 'error',
  code: 'PH1103',
  message: '0 is no port number',
  remedy: 'Use 1 to 65535.',
  path: 'spec.ports[0].number',
}

suite('status of an object', () => {
  test('accepted', () => {
    assert.deepEqual(statusOf([], 4, undefined, NOW), {
      conditions: [
        {
          type: 'Reconciled',
          status: 'True',
          reason: 'Accepted',
          message: '',
          observedGeneration: 4,
          lastTransitionTime: '2026-11-22T10:00:00.000Z',
        },
      ],
      validationMessages: [],
      observedGeneration: 4,
    })
  })
  test('refused: place, cause and remedy; the conditions of others stay', () => {
    const healthy = { type: 'Healthy', status: 'True' } as const
    const status = statusOf([bad], 5, { conditions: [healthy] }, NOW)!
    assert.deepEqual(status.conditions?.[0], healthy)
    assert.equal(status.conditions?.[1]?.status, 'False')
    assert.equal(status.conditions?.[1]?.reason, 'Invalid')
    assert.equal(
      status.conditions?.[1]?.message,
      'PH1103 spec.ports[0].number: 0 is no port number; Use 1 to 65535.',
    )
    assert.deepEqual(status.validationMessages, [
      { type: { code: 'PH1103', name: 'spec.ports[0].number: 0 is no port number' }, level: 'ERROR' },
    ])
  })
  test('what is there already is not written again; a new generation is', () => {
    const status = statusOf([bad], 5, undefined, NOW)!
    assert.equal(statusOf([bad], 5, status, new Date(0)), undefined)
    const next = statusOf([bad], 6, status, new Date(0))!
    assert.equal(next.conditions?.[0]?.observedGeneration, 6)
    // It has been so since then, whatever the generation.
    assert.equal(next.conditions?.[0]?.lastTransitionTime, '2026-11-22T10:00:00.000Z')
  })
})

suite('election', () => {
  test('free, mine, taken, run out', () => {
    const now = 100_000
    const held: LeaseSpec = { holderIdentity: 'b', leaseDurationSeconds: 15, leaseTransitions: 2 }
    assert.equal(nextStep('a', { spec: undefined, at: now }, now).do, 'write')
    assert.equal(nextStep('a', { spec: { ...held, holderIdentity: '' }, at: now }, now).do, 'write')
    assert.deepEqual(nextStep('a', { spec: held, at: now - 5_000 }, now), { do: 'wait', ms: 10_100 })
    const taken = nextStep('a', { spec: held, at: now - 15_001 }, now)
    assert.ok(taken.do === 'write')
    assert.equal(taken.spec.leaseTransitions, 3)
    const renewed = nextStep('b', { spec: { ...held, acquireTime: 'then' }, at: 0 }, now)
    assert.ok(renewed.do === 'write')
    assert.deepEqual([renewed.spec.acquireTime, renewed.spec.leaseTransitions], ['then', 2])
  })
  test('of three, one leads; when it goes the next does, never two at once', async () => {
    const clock = new VirtualTimeScheduler()
    let lease: Lease | undefined
    const leading = new Set<string>()
    const down = new Set<string>()
    let most = 0
    const start = (me: string) => {
      const stop = new AbortController()
      const store = {
        read: async () => {
          if (down.has(me)) throw new Error('unreachable')
          return lease
        },
        write: async (spec: LeaseSpec, version: string | undefined) => {
          if (down.has(me)) throw new Error('unreachable')
          if (version !== lease?.resourceVersion) return false
          lease = { spec, resourceVersion: String(Number(version ?? 0) + 1) }
          return true
        },
      }
      const onChange = (now: boolean) => {
        if (now) leading.add(me)
        else leading.delete(me)
        most = Math.max(most, leading.size)
      }
      return { stop, done: runElection({ me, store, clock, onChange, onError() {}, signal: stop.signal }) }
    }
    const pass = async (ms: number) => {
      for (const end = clock.frame + ms; clock.frame < end; ) {
        await new Promise(setImmediate)
        clock.maxFrames = Math.min(end, clock.frame + 500)
        clock.flush()
        clock.frame = clock.maxFrames
      }
      await new Promise(setImmediate)
    }
    const pilots = ['a', 'b', 'c'].map(start)
    await pass(3_000)
    assert.deepEqual([...leading], ['a'])
    pilots[0]!.stop.abort()
    await pilots[0]!.done
    await pass(20_000)
    assert.equal(leading.size, 1)
    const [second] = [...leading]
    assert.notEqual(second, 'a')
    // It can't reach the API server any more, and lets go before its lease has run out.
    down.add(second!)
    await pass(12_000)
    assert.ok(!leading.has(second!))
    await pass(20_000)
    assert.equal(leading.size, 1)
    assert.equal(most, 1)
    for (const { stop } of pilots) stop.abort()
    await Promise.all(pilots.map(({ done }) => done))
    assert.equal(leading.size, 0)
  })
})
