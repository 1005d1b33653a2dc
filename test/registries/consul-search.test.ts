/** Which services are read when something changed that nothing names. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createReads } from '#registries/consul/reads.ts'
import { createSearch, differs } from '#registries/consul/search.ts'
import {
  changedChecks,
  changedNames,
  changedNodes,
  isNewHistory,
  toChecks,
  toNodes,
} from '#registries/consul/signals.ts'

const pace = { burst: 0, rate: 10, slowRound: 1000, slowStep: 300 }
function filled(count: number) {
  const reads = createReads(pace)
  for (let i = 0; i < count; i++) reads.service(`s${i}`)
  for (;;) {
    const next = reads.next(0)
    if (typeof next !== 'object') break
    reads.done(next.name)
  }
  return reads
}

suite('Consul, what is read next', () => {
  test('what has changed before what is in doubt; nothing without a doubt', () => {
    const reads = filled(3)
    assert.equal(reads.next(0), undefined)
    reads.doubt()
    reads.fast(true)
    reads.service('s2')
    assert.deepEqual(reads.next(0), { name: 's2', urgent: true })
    assert.deepEqual(reads.next(0), { name: 's0', urgent: false })
    assert.deepEqual(reads.next(0), { name: 's1', urgent: false })
    assert.equal(reads.next(0), undefined)
  })
  test('asked before the doubt says nothing of it', () => {
    const reads = filled(2)
    reads.service('s0')
    assert.deepEqual(reads.next(0), { name: 's0', urgent: true })
    reads.doubt()
    reads.fast(true)
    reads.done('s0')
    assert.deepEqual(
      [reads.next(0), reads.next(0)],
      [
        { name: 's0', urgent: false },
        { name: 's1', urgent: false },
      ],
    )
  })
  test('changed while it is read: read again', () => {
    const reads = filled(1)
    reads.service('s0')
    reads.next(0)
    reads.service('s0')
    assert.equal(reads.next(0), undefined)
    reads.done('s0')
    assert.deepEqual(reads.next(0), { name: 's0', urgent: true })
  })
  test('fast ones are paced after a burst, slow ones go round in their time', () => {
    const reads = filled(4)
    reads.doubt()
    reads.fast(true)
    for (let i = 0; i < 4; i++) reads.done((reads.next(0) as { name: string }).name)
    reads.doubt()
    assert.equal(reads.next(0), 100)
    reads.fast(false)
    assert.equal(typeof reads.next(0), 'object')
    assert.equal(reads.next(0), 250)
    const few = filled(2)
    few.doubt()
    few.fast(false)
    assert.equal(typeof few.next(0), 'object')
    assert.equal(few.next(0), 300, 'and no slower than a step each')
  })
})

suite('Consul, the search', () => {
  test('few services: all are read', () => {
    const reads = filled(3)
    const search = createSearch(reads, () => 3)
    search.begin(10, 12, () => true)
    assert.equal(search.step(0), undefined)
    for (let i = 0; i < 3; i++) {
      const { name } = reads.next(0) as { name: string }
      reads.done(name)
      assert.equal(search.pending(), i < 2)
    }
  })
  test('few services: what changed last is all if nothing else was written, and is no reason to stop if something was', () => {
    for (const [written, pending] of [
      [13, false],
      [14, true],
    ] as const) {
      const reads = filled(3)
      const search = createSearch(reads, () => 3)
      search.read('s1', 12, true)
      search.begin(12, written, () => true)
      assert.deepEqual(reads.next(0), { name: 's1', urgent: true })
      assert.equal(search.step(0), undefined, 'no other while that is read')
      search.read('s1', written, true)
      reads.done('s1')
      assert.equal(search.step(0), undefined)
      assert.equal(search.pending(), pending)
      assert.equal(typeof reads.next(0), 'object', 'at leisure, or at once')
      assert.equal(typeof reads.next(0), pending ? 'object' : 'number')
    }
  })
  test('two changed by one transaction: all are read, since more may have', () => {
    const reads = filled(3)
    const search = createSearch(reads, () => 3)
    search.begin(12, 13, () => true)
    for (const name of ['s1', 's2']) {
      assert.equal(search.pending(), true)
      search.read(name, 13, true)
      reads.done(name)
    }
    assert.equal(search.step(0), undefined)
    assert.equal(search.pending(), true)
    assert.equal(typeof reads.next(0), 'object')
    assert.equal(typeof reads.next(0), 'object', 'at once')
  })
  test('many: what changed last, then the summaries, then all, until it is found', () => {
    const reads = filled(300)
    const search = createSearch(reads, () => 300)
    search.read('s7', 11, true)
    search.begin(11, 20, () => true)
    assert.deepEqual(reads.next(0), { name: 's7', urgent: true })
    assert.equal(search.step(0), undefined, 'not while that is read')
    reads.done('s7')
    assert.equal(search.step(0), 'summaries')
    search.compared(100)
    assert.equal(search.step(0), undefined)
    assert.equal((reads.next(0) as { urgent: boolean }).urgent, false)
    search.read('s9', 20, true)
    assert.equal(search.step(0), undefined)
    assert.equal(search.pending(), false)
  })
  test('as many changes as were written: no summaries', () => {
    const reads = filled(300)
    const search = createSearch(reads, () => 300)
    search.begin(20, 21, () => true)
    search.read('s1', 21, true)
    assert.equal(search.step(0), undefined)
    assert.equal(search.pending(), false)
  })
  test('summaries have a budget', () => {
    const reads = filled(300)
    const search = createSearch(reads, () => 300)
    search.begin(20, 30, () => true)
    assert.equal(search.step(0), 'summaries')
    search.compared(13_000)
    search.begin(30, 40, () => true)
    const wait = search.step(0)
    assert.ok(typeof wait === 'number' && wait > 5000, `${wait}`)
    assert.equal(search.step(wait), 'summaries')
  })
  test('a summary that says something else', () => {
    const known = { count: 2, nodes: ['a', 'b'] }
    assert.equal(differs({ Name: 'x', InstanceCount: 2, Nodes: ['b', 'a'] }, known), false)
    assert.equal(differs({ Name: 'x', InstanceCount: 3, Nodes: ['a', 'b'] }, known), true)
    assert.equal(differs({ Name: 'x', InstanceCount: 2, Nodes: ['a', 'c'] }, known), true)
  })
})

suite('Consul, signals', () => {
  test('names: new, gone, other tags', () => {
    const before = new Map([
      ['a', ''],
      ['b', 'x'],
      ['c', ''],
    ])
    const now = new Map([
      ['a', ''],
      ['b', 'y'],
      ['d', ''],
    ])
    assert.deepEqual(changedNames(before, now).sort(), ['b', 'c', 'd'])
  })
  test('nodes: other content, gone; a new history is one without any known node', () => {
    const before = toNodes([
      { Node: 'a', ID: '1', Address: 'x' },
      { Node: 'b', CreateIndex: 5, Address: 'x' },
    ])
    const now = toNodes([{ Node: 'a', ID: '1', Address: 'y' }])
    assert.deepEqual(changedNodes(before, now), ['a', 'b'])
    assert.equal(isNewHistory(before, now), false)
    assert.equal(isNewHistory(before, toNodes([{ Node: 'a', ID: '2', Address: 'x' }])), true)
    assert.equal(isNewHistory(before, toNodes([{ Node: 'b', CreateIndex: 6 }])), true)
    assert.equal(isNewHistory(toNodes([]), now), false)
  })
  test('checks: come and gone, of services and of nodes; an output is none', () => {
    const before = toChecks([
      { Node: 'n', CheckID: 'a', ServiceName: 'x', Status: 'critical' },
      { Node: 'n', CheckID: 'b', ServiceName: 'y', Status: 'critical' },
    ])
    const now = toChecks([
      { Node: 'n', CheckID: 'a', ServiceName: 'x', Status: 'critical' },
      { Node: 'm', CheckID: 'serfHealth', ServiceName: '', Status: 'critical' },
    ])
    const { services, nodes } = changedChecks(before, now)
    assert.deepEqual([[...services], [...nodes]], [['y'], ['m']])
  })
})
