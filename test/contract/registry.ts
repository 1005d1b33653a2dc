/**
 * One contract suite for every registry: what the mesh relies on, whatever stands behind. An adapter gives a harness
 * that plays its backend; the suite plays the mesh.
 */
import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import type { Subscription } from 'rxjs'
import { serviceKey, workloadKey } from '#model/service.ts'
import type { Registry, RegistryUpdate } from '#registries/registry.ts'

/** What the backend holds, in the smallest terms that every registry knows. */
export interface BackendService {
  readonly name: string
  /** IPv4 addresses, at least one. */
  readonly addresses: readonly string[]
}

export interface RegistryHarness {
  readonly registry: Registry
  /** The backend holds exactly this, from now on. */
  set(services: readonly BackendService[]): Promise<void> | void
  /** The backend says the same again (a touched file, a watch that returns without news). */
  repeat(): Promise<void> | void
  /** The backend can't be reached, until `heal`. */
  break(): Promise<void> | void
  heal(): Promise<void> | void
  /** Connections, watches and timers that are open because of the registry. */
  open(): number
  /** Time passes, in milliseconds of the registry's clock: where that is real time, resolves after so long. */
  pass(ms: number): Promise<void>
}

export function registryContract(
  name: string,
  makeHarness: (t: TestContext) => Promise<RegistryHarness> | RegistryHarness,
): void {
  const row = (title: string, run: (h: RegistryHarness, ear: Ear) => Promise<void>) =>
    test(title, async (t) => {
      const harness = await makeHarness(t)
      const ear = listen(harness)
      t.after(() => ear.stop())
      await run(harness, ear)
    })

  suite(`registry contract: ${name}`, () => {
    row('the first word is full; an empty backend is a fact', async (h, ear) => {
      await h.set([])
      ear.start()
      await ear.until((u) => u.length > 0)
      assert.deepEqual(ear.updates[0], { kind: 'full', services: [], workloads: [] })
    })
    row('full names everything, with its owner on every endpoint', async (h, ear) => {
      await h.set([A, B])
      ear.start()
      await ear.until(() => ear.addresses('a') !== undefined && ear.addresses('b') !== undefined)
      assert.equal(ear.updates[0]!.kind, 'full')
      assert.deepEqual(ear.addresses('a'), A.addresses)
      assert.deepEqual(ear.addresses('b'), B.addresses)
      for (const service of ear.services.values()) {
        assert.equal(service.origin.source, h.registry.name)
        assert.equal(service.hostname, service.hostname.toLowerCase())
        for (const endpoint of service.endpoints) {
          assert.equal(endpoint.registry, h.registry.name)
          assert.equal(endpoint.origin.source, h.registry.name)
          assert.ok(endpoint.weight >= 1)
        }
      }
    })
    row('a change is told as whole services, and only those that changed', async (h, ear) => {
      await h.set([A, B])
      ear.start()
      await ear.until(() => ear.services.size === 2)
      const before = ear.updates.length
      await h.set([{ ...A, addresses: ['10.0.0.1', '10.0.0.2'] }, B])
      await ear.until(() => ear.addresses('a')?.length === 2)
      for (const update of ear.updates.slice(before)) {
        assert.ok(update.kind === 'delta')
        assert.deepEqual(
          update.changed.map((s) => s.hostname.split('.')[0]),
          ['a'],
        )
        assert.deepEqual(update.removed, [])
      }
    })
    row('what is deregistered is removed', async (h, ear) => {
      await h.set([A, B])
      ear.start()
      await ear.until(() => ear.services.size === 2)
      await h.set([B])
      await ear.until(() => ear.services.size === 1)
      assert.ok(ear.addresses('b'))
      await h.set([])
      await ear.until(() => ear.services.size === 0)
    })
    row('what is registered later is told', async (h, ear) => {
      await h.set([])
      ear.start()
      await ear.until((u) => u.length > 0)
      await h.set([A])
      await ear.until(() => ear.addresses('a') !== undefined)
    })
    row('the same again is not told', async (h, ear) => {
      await h.set([A])
      ear.start()
      await ear.until(() => ear.services.size === 1)
      const before = ear.updates.length
      await h.repeat()
      await h.set([A, B])
      await ear.until(() => ear.services.size === 2)
      const told = ear.updates
        .slice(before)
        .flatMap((u) => (u.kind === 'delta' ? u.changed.map((s) => s.hostname.split('.')[0]) : [u.kind]))
      assert.deepEqual(told, ['b'])
    })
    row('an outage is a value: nothing is removed, and the end of it is heard', async (h, ear) => {
      await h.set([A, B])
      ear.start()
      await ear.until(() => ear.services.size === 2)
      await h.break()
      await ear.until((u) => u.at(-1)?.kind === 'trouble')
      const trouble = ear.updates.at(-1)!
      assert.ok(trouble.kind === 'trouble')
      assert.ok(trouble.error.code && trouble.error.message && trouble.error.remedy)
      assert.ok(trouble.since instanceof Date)
      assert.equal(ear.services.size, 2)
      await h.heal()
      await ear.until((u) => u.at(-1)?.kind !== 'trouble')
      assert.equal(ear.services.size, 2)
      await h.set([{ ...A, addresses: ['10.0.0.9'] }, B])
      await ear.until(() => ear.addresses('a')?.[0] === '10.0.0.9')
    })
    row('an outage at the start is trouble, not an empty full', async (h, ear) => {
      await h.break()
      ear.start()
      await ear.until((u) => u.length > 0)
      assert.equal(ear.updates[0]!.kind, 'trouble')
      await h.heal()
      await h.set([A])
      await ear.until(() => ear.services.size === 1)
      assert.ok(ear.updates.every((u) => u.kind === 'trouble' || u.kind === 'full' || u.kind === 'delta'))
      assert.equal(ear.updates.find((u) => u.kind !== 'trouble')!.kind, 'full')
    })
    row('unsubscribing frees everything, and it can be subscribed to again', async (h, ear) => {
      await h.set([A])
      assert.equal(h.open(), 0, 'cold: nothing is open before the first subscription')
      ear.start()
      await ear.until(() => ear.services.size === 1)
      assert.ok(h.open() > 0)
      ear.stop()
      assert.equal(h.open(), 0)
      ear.start()
      await ear.until((u) => u.length > 0 && ear.services.size === 1)
      assert.equal(ear.updates[0]!.kind, 'full')
    })
    row('it can be left before it has said anything', async (h, ear) => {
      await h.set([A])
      ear.start()
      ear.stop()
      await h.pass(50)
      assert.equal(h.open(), 0)
      assert.deepEqual(ear.updates, [])
    })
  })
}

const A: BackendService = { name: 'a', addresses: ['10.0.0.1'] }
const B: BackendService = { name: 'b', addresses: ['10.0.1.1', '10.0.1.2'] }

type Ear = ReturnType<typeof listen>

/** A subscriber that adds up what it hears and fails on an error or a completion. */
function listen(harness: RegistryHarness) {
  const updates: RegistryUpdate[] = []
  const services = new Map<string, Extract<RegistryUpdate, { kind: 'full' }>['services'][number]>()
  const workloads = new Set<string>()
  const waiting = new Set<() => void>()
  let broken: Error | undefined
  let subscription: Subscription | undefined

  function hear(update: RegistryUpdate): void {
    updates.push(update)
    if (update.kind === 'full') {
      services.clear()
      workloads.clear()
      for (const w of update.workloads) workloads.add(workloadKey(w))
      for (const s of update.services) services.set(serviceKey(s), s)
    } else if (update.kind === 'delta') {
      for (const s of update.changed) services.set(serviceKey(s), s)
      for (const key of update.removed) assert.ok(services.delete(key), `${key} was never told`)
      for (const w of update.changedWorkloads) workloads.add(workloadKey(w))
      for (const key of update.removedWorkloads) assert.ok(workloads.delete(key), `${key} was never told`)
    }
    for (const check of [...waiting]) check()
  }
  const end = (what: string) => () => {
    broken = new Error(`the registry ${what}`)
    for (const check of [...waiting]) check()
  }

  return {
    updates: updates as readonly RegistryUpdate[],
    services,
    start(): void {
      updates.length = 0
      services.clear()
      subscription = harness.registry.updates.subscribe({
        next: hear,
        error: end('failed'),
        complete: end('completed'),
      })
    },
    stop(): void {
      subscription?.unsubscribe()
    },
    /** Addresses of the service whose hostname begins with `name`. */
    addresses(name: string): readonly string[] | undefined {
      for (const s of services.values())
        if (s.hostname.split('.')[0] === name) return s.endpoints.map((e) => e.address)
      return undefined
    },
    async until(holds: (updates: readonly RegistryUpdate[]) => boolean): Promise<void> {
      for (let waited = 0; waited < 2000; waited++) {
        if (broken) throw broken
        if (holds(updates)) return
        await Promise.race([harness.pass(10), new Promise<void>((resolve) => waiting.add(resolve))])
        waiting.clear()
      }
      assert.fail(`waited in vain; last heard ${JSON.stringify(updates.at(-1))}`)
    },
  }
}
