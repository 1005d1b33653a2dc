import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BehaviorSubject, EMPTY, NEVER, Observable, Subject } from 'rxjs'
import { switchedSource } from '#src/switched-source.ts'
import { emptyResourceSet } from '#xds/resource-set.ts'
import type { Node, ResourceSource, ResourceUpdate } from '#xds/resources.ts'

const node = (id: string): Node => ({
  id,
  cluster: 'c',
  metadata: {},
  userAgentName: 'envoy',
  userAgentVersion: '1',
})
const all: ResourceUpdate = { resources: emptyResourceSet, changed: 'all' }
const deps = { now: () => 0, turn: async () => {} }

/** Emits `all` at once if `speaks`; counts who listens. */
function fake(speaks = true) {
  let listeners = 0
  const later = new Subject<ResourceUpdate>()
  const source: ResourceSource = {
    connect: () =>
      new Observable((subscriber) => {
        listeners++
        if (speaks) subscriber.next(all)
        const inner = later.subscribe(subscriber)
        return () => {
          listeners--
          inner.unsubscribe()
        }
      }),
  }
  return { source, later, listeners: () => listeners }
}

test('a swap replaces everything in one update and lets go of the source before', async () => {
  const [first, second] = [fake(), fake()]
  const switched = switchedSource(first.source, deps)
  const updates: ResourceUpdate[] = []
  const stream = switched.source.connect(node('a')).subscribe((update) => updates.push(update))
  await switched.swap(second.source)
  assert.deepEqual(updates, [all, all])
  assert.deepEqual([first.listeners(), second.listeners()], [0, 1])
  first.later.next(all)
  assert.equal(updates.length, 2)
  second.later.next({ ...all, changed: new Map() })
  assert.equal(updates.length, 3)
  stream.unsubscribe()
  assert.equal(second.listeners(), 0)
})

test('the one before goes on until the new one has spoken, over two swaps too', async () => {
  const [first, second, third] = [fake(), fake(false), fake(false)]
  const switched = switchedSource(first.source, deps)
  let updates = 0
  const stream = switched.source.connect(node('a')).subscribe(() => updates++)
  await switched.swap(second.source)
  await switched.swap(third.source)
  first.later.next(all)
  assert.equal(updates, 2)
  third.later.next(all)
  assert.equal(updates, 3)
  assert.deepEqual([first.listeners(), second.listeners(), third.listeners()], [0, 0, 1])
  stream.unsubscribe()
  assert.equal(third.listeners(), 0)
})

test('who leaves before the new source has spoken leaves both; a refusal reaches the client', async () => {
  const [first, silent] = [fake(), fake(false)]
  const switched = switchedSource(first.source, deps)
  const leaving = switched.source.connect(node('a')).subscribe()
  await switched.swap(silent.source)
  leaving.unsubscribe()
  assert.deepEqual([first.listeners(), silent.listeners()], [0, 0])

  const refusing = switchedSource(first.source, deps)
  const errors: unknown[] = []
  refusing.source.connect(node('b')).subscribe({ error: (error) => errors.push(error) })
  await refusing.swap({ connect: () => new Observable((s) => s.error(new Error('no'))) })
  assert.equal(errors.length, 1)
  assert.equal(first.listeners(), 0)
})

test('others get a turn while many connections move; who comes meanwhile gets the new source only', async () => {
  const [first, second] = [fake(), fake()]
  let clock = 0
  let turns = 0
  const came = new BehaviorSubject(0)
  const switched = switchedSource(first.source, {
    now: () => (clock += 6),
    turn: async () => {
      turns++
      if (turns === 1) switched.source.connect(node('late')).subscribe(() => came.next(came.value + 1))
    },
  })
  const streams = Array.from({ length: 10 }, (_, i) => switched.source.connect(node(`n${i}`)).subscribe())
  await switched.swap(second.source)
  assert.ok(turns >= 4, `${turns} turns`)
  assert.deepEqual([first.listeners(), second.listeners(), came.value], [0, 11, 1])
  for (const stream of streams) stream.unsubscribe()
  assert.equal(second.listeners(), 1)
})

test('a source that never speaks, or ends, holds nothing back', async () => {
  const first = fake()
  const switched = switchedSource(first.source, deps)
  const stream = switched.source.connect(node('a')).subscribe()
  await switched.swap({ connect: () => EMPTY })
  await switched.swap({ connect: () => NEVER })
  stream.unsubscribe()
  assert.equal(first.listeners(), 0)
})
