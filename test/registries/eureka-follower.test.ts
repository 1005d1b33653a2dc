/** Which answer of which server is believed, in virtual time. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { reconcileHash } from '#registries/eureka/catalogue.ts'
import type { Ask, Reply } from '#registries/eureka/client.ts'
import { createFollower, type FollowerOptions } from '#registries/eureka/follower.ts'
import { createKnowledge } from '#registries/eureka/knowledge.ts'
import { type Applications, parseApplications } from '#registries/eureka/wire.ts'
import { silentLogger } from '#support/logger.ts'
import { rawInstance } from './eureka-server.ts'

type Raw = Record<string, unknown> & { readonly instanceId: string }
type Answer = () => Reply

const answerOf = (date: number, list: readonly Raw[], hashOf = list): Reply => {
  const body = (hash: string) =>
    JSON.stringify({ applications: { apps__hashcode: hash, application: [{ instance: list }] } })
  const all = parseApplications(JSON.stringify({ applications: { application: [{ instance: hashOf }] } }))
  return {
    kind: 'answer',
    status: 200,
    body: body(reconcileHash((all as Applications).instances)),
    date,
  }
}
const status = (code: number): Reply => ({ kind: 'answer', status: code, body: '' })
const GONE: Reply = { kind: 'failed', error: new Error('connect ECONNREFUSED') }

/** A server in memory; `lived` keeps its registration times apart from those of others. */
function memoryServer(lived: number) {
  const instances = new Map<string, Raw>()
  let changes: Raw[] = []
  let time = lived
  const server = {
    asked: [] as string[],
    /** Its clock: just after what it did. */
    date: lived + 1000,
    /** Instead of what it would answer. */
    instead: {} as { apps?: Answer; delta?: Answer },
    put(address: string, more: Record<string, unknown> = {}) {
      const known = instances.get(address)
      const at = ++time
      const raw = rawInstance({ app: 'a', address, more: { lastUpdatedTimestamp: at, ...more } }, at) as Raw
      const next = known ? { ...raw, leaseInfo: known.leaseInfo, actionType: 'MODIFIED' } : raw
      instances.set(address, next)
      changes.push(next)
    },
    remove(address: string, more: Record<string, unknown> = {}) {
      changes.push({
        ...instances.get(address)!,
        lastUpdatedTimestamp: ++time,
        actionType: 'DELETED',
        ...more,
      })
      instances.delete(address)
    },
    has: (address: string) => instances.has(address),
    addresses: () => [...instances.keys()].sort().join(' '),
    forget: () => {
      changes = []
    },
    restart() {
      instances.clear()
      changes = []
    },
    apps: () => answerOf(server.date, [...instances.values()]),
    delta: () => answerOf(server.date, changes, [...instances.values()]),
    ask(path: string): Reply {
      server.asked.push(path)
      return path === '/apps'
        ? (server.instead.apps ?? server.apps)()
        : (server.instead.delta ?? server.delta)()
    },
  }
  return server
}

function setup(more: Partial<FollowerOptions> = {}, count = 1) {
  const servers = Array.from({ length: count }, (_, i) => ({ url: `http://s${i}/eureka` }))
  const memory = servers.map((_, i) => memoryServer((i + 1) * 1_000_000))
  let time = 10_000_000
  const knowledge = createKnowledge(300_000)
  const follower = createFollower({
    servers,
    disableDelta: false,
    knowledge,
    now: () => time,
    log: silentLogger,
    ...more,
  })
  const ask: Ask = async (server, path) => memory[servers.indexOf(server)]!.ask(path)
  return {
    memory,
    knowledge,
    follower,
    /** After `seconds`. */
    async look(seconds = 30) {
      time += seconds * 1000
      const look = await follower.look(ask)
      knowledge.tick(time)
      return look.kind
    },
    async survey(seconds: number) {
      time += seconds * 1000
      await follower.survey(ask)
    },
    /** Addresses, the missing ones with a question mark. */
    known: () =>
      [...knowledge.all()]
        .map(({ key, facts }) => (knowledge.missing().has(key) ? `${facts.ipAddr}?` : facts.ipAddr))
        .sort()
        .join(' '),
    /** What was asked since the last call, by server. */
    asked: () => memory.map((server) => server.asked.splice(0).join(' ')),
  }
}

suite('Eureka: which answer is believed', () => {
  test('full first, deltas then; what they call DELETED is gone at once', async () => {
    const {
      memory: [one],
      look,
      known,
      asked,
    } = setup()
    one!.put('1')
    one!.put('2')
    await look()
    assert.deepEqual(asked(), ['/apps /apps/delta'])
    one!.remove('1')
    one!.put('3')
    await look()
    assert.equal(known(), '2 3')
    assert.deepEqual(asked(), ['/apps/delta'])
  })

  test('away for longer than deltas reach back: all is fetched, and what is left out is gone', async () => {
    const {
      memory: [one],
      look,
      known,
      asked,
    } = setup()
    one!.put('1')
    one!.put('2')
    one!.put('3')
    await look()
    one!.remove('3')
    one!.forget()
    one!.date += 300_000
    asked()
    await look(149)
    assert.deepEqual(asked(), ['/apps/delta /apps /apps/delta'], 'its hash tells that something was missed')
    assert.equal(known(), '1 2')
    one!.remove('2')
    one!.forget()
    await look(150)
    assert.deepEqual(asked(), ['/apps /apps/delta'])
    assert.equal(known(), '1')
  })

  test('restarted: nothing is lost while it fills up, and what never comes is let go as a new history', async () => {
    const {
      memory: [one],
      look,
      known,
      knowledge,
    } = setup()
    one!.put('1')
    one!.put('2')
    await look()
    knowledge.take()
    one!.restart()
    await look()
    assert.equal(known(), '1? 2?')
    one!.put('1')
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
    const {
      memory: [one, two],
      look,
      known,
    } = setup({}, 2)
    for (const server of [one!, two!]) {
      server.put('1', { lastDirtyTimestamp: 100 })
      server.put('2', { lastDirtyTimestamp: 100 })
      server.put('3', { lastDirtyTimestamp: 100 })
    }
    await look()
    one!.instead = { apps: () => GONE, delta: () => GONE }
    // Both left the second server; 3 has registered anew with the first one since.
    two!.remove('2')
    two!.remove('3', { lastDirtyTimestamp: 50 })
    await look()
    assert.equal(known(), '1 3?')
  })

  test("an older answer of the server's cache takes nothing away", async () => {
    const {
      memory: [one],
      look,
      known,
    } = setup()
    one!.put('1')
    one!.put('2')
    const staleApps = one!.apps()
    await look()
    // 3 was there, went and came back: the cache keeps the delta of when it was gone.
    one!.put('3')
    one!.remove('3')
    const staleDelta = one!.delta()
    one!.put('3')
    one!.instead = { apps: () => staleApps }
    await look()
    assert.equal(known(), '1 2 3', 'from the delta alone')
    one!.instead = { apps: () => staleApps, delta: () => staleDelta }
    await look()
    assert.match(known(), /^1 2 3\??$/)
    one!.instead = {}
    await look()
    assert.equal(known(), '1 2 3')
  })

  test('half a list: its own hash tells', async () => {
    const {
      memory: [one],
      look,
      known,
    } = setup({ disableDelta: true })
    one!.put('1')
    one!.put('2')
    await look()
    const all = JSON.parse((one!.apps() as { body: string }).body)
    all.applications.application[0].instance.pop()
    one!.instead = { apps: () => ({ kind: 'answer', status: 200, body: JSON.stringify(all) }) }
    assert.equal(await look(), 'failed')
    assert.equal(known(), '1 2')
  })

  test('a server without deltas: asked in full, and what it leaves out is gone', async () => {
    const {
      memory: [one],
      look,
      known,
      asked,
    } = setup()
    one!.put('1')
    one!.put('2')
    one!.instead = { delta: () => status(403) }
    await look()
    asked()
    one!.remove('2')
    await look()
    assert.equal(known(), '1')
    assert.deepEqual(asked(), ['/apps'])
    await look(600)
    assert.deepEqual(asked(), ['/apps /apps/delta'], 'tried again after ten minutes')
  })
})

type Step =
  | { readonly do: 'put' | 'remove'; readonly server: number; readonly address: string }
  | {
      readonly do: 'restart' | 'down' | 'up' | 'stale-apps' | 'stale-delta' | 'forget'
      readonly server: number
    }
  | { readonly do: 'look' | 'survey' }

const server = fc.integer({ min: 0, max: 1 })
const address = fc.constantFrom('1', '2', '3', '4')
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('put', 'remove'), server, address }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('restart', 'down', 'up', 'stale-apps', 'stale-delta', 'forget'),
      server,
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('look', 'survey') }) },
)

suite('Eureka: whatever happens', () => {
  test('what was seen and nobody deregistered stays; afterwards all comes right', () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { memory, look, survey, known, follower } = setup({}, 2)
        /** Seen, and not deregistered anywhere since. */
        const safe = new Set<string>()
        const removed = new Set<string>()
        const homes = new Map<string, ReadonlySet<number>>()
        let dirty = 0
        /** What is known may have been deregistered already, where it is known from, and be told so later. */
        const certain = (each: string) =>
          memory.some((server) => server.has(each)) && (!removed.has(each) || homes.get(each)?.size === 1)
        const kept = () => known().replaceAll('?', '').split(' ')
        for (const it of steps) {
          const one = 'server' in it ? memory[it.server]! : undefined
          if (it.do === 'put') {
            one!.put(it.address, { lastDirtyTimestamp: ++dirty })
            homes.set(it.address, new Set(homes.get(it.address)).add(it.server))
          } else if (it.do === 'remove' && one!.has(it.address)) {
            one!.remove(it.address)
            safe.delete(it.address)
            removed.add(it.address)
          } else if (it.do === 'restart') one!.restart()
          else if (it.do === 'forget') one!.instead = {}
          else if (it.do === 'down') one!.instead = { apps: () => GONE, delta: () => GONE }
          else if (it.do === 'up') one!.instead = {}
          else if (it.do === 'stale-apps') {
            const old = one!.apps()
            one!.instead = { ...one!.instead, apps: () => old }
          } else if (it.do === 'stale-delta') {
            const old = one!.delta()
            one!.instead = { ...one!.instead, delta: () => old }
          } else if (it.do === 'look') await look(1)
          else if (it.do === 'survey') await survey(1)
          if (it.do !== 'look' && it.do !== 'survey') continue
          for (const each of safe)
            assert.ok(kept().includes(each), `${each} of ${[...safe]} is lost: ${known()}`)
          for (const each of kept()) if (certain(each)) safe.add(each)
        }
        for (const one of memory) one.instead = {}
        // It may go over to the other one in the meantime, and then waits for what that one does not know.
        for (let i = 0; i < 12; i++) await look(100)
        const current = memory.map((one) => one.addresses())
        assert.ok(current.includes(known()), `${known()} is none of ${JSON.stringify(current)}`)
        assert.equal(follower.expired().size, 0)
      }),
      { numRuns: 300 },
    ))
})

suite('Eureka: which server is asked', () => {
  test('in order; then the one that answers, until it does not', async () => {
    const { memory, look, known, asked } = setup({}, 3)
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
    const { follower } = setup({}, 2)
    const look = await follower.look(async ({ url }) => (url.includes('s0') ? GONE : status(429)))
    assert.ok(look.kind === 'failed')
    assert.match(look.error.message, /s0.*ECONNREFUSED.*s1.*429/)
    assert.equal(look.error.code, 'PH3001')
  })

  test('of several that leave something out, the one that leaves out least', async () => {
    const { memory, look, known } = setup({}, 3)
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
    const { memory, look, survey, known, asked, follower } = setup({}, 2)
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
    const { memory, look, survey, asked, known } = setup({}, 2)
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
      const { memory, look, survey, asked } = setup(options, 2)
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
    const {
      memory: [one],
      look,
      asked,
      follower,
    } = setup({ leaseExpiry: 300_000 })
    const lease = (lastRenewalTimestamp: number) => ({
      leaseInfo: { durationInSecs: 90, registrationTimestamp: 5, lastRenewalTimestamp },
    })
    one!.put('1', lease(1_000_000))
    one!.put('2', lease(1_000_000))
    one!.instead = { apps: () => ({ ...one!.apps(), date: 1_050_000 }) as Reply }
    await look()
    assert.equal(follower.expired().size, 0)
    asked()
    for (let i = 0; i < 4; i++) await look(30)
    assert.deepEqual(asked(), ['/apps/delta /apps/delta /apps/delta /apps/delta'])
    one!.instead = { apps: () => ({ ...one!.apps(), date: 1_390_001 }) as Reply }
    await look(30)
    assert.deepEqual(asked(), ['/apps/delta /apps'])
    assert.equal(follower.expired().size, 2)
  })
})
