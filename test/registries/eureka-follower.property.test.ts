/** Eureka: whatever servers do, what was seen and nobody deregistered stays; in virtual time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { followed, GONE } from './eureka-memory.ts'

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

test('what was seen and nobody deregistered stays; afterwards all comes right', () =>
  fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { memory, look, survey, known, follower } = followed({}, 2)
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
