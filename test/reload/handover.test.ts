import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RestoredSource, SnapshotStore } from '#mesh/mesh.ts'
import { emptyContent } from '#mesh/said.ts'
import { createHandover } from '#src/handover.ts'

const source = (name: string) => ({ name, kind: 'file', role: 'registry' as const })
const at = new Date(0)

function disk(...names: string[]) {
  const written: string[] = []
  const entries = names.map((name): [string, RestoredSource] => [
    name,
    {
      kind: 'restored',
      source: source(name),
      savedAt: at,
      services: [],
      workloads: [],
      configs: [],
      issues: [],
    },
  ])
  const store: SnapshotStore = {
    restored: new Map(entries),
    save: ({ name }) => void written.push(name),
    issues: () => [],
  }
  return { store, written }
}

test('the next mesh begins with what the one in force has heard, and with what nobody has confirmed', () => {
  const { store, written } = disk('file/a', 'file/b')
  const handover = createHandover(store)
  const first = handover.next()
  assert.deepEqual([...first.restored.keys()], ['file/a', 'file/b'])
  first.takeOver()
  first.restored.clear()
  first.save(source('file/b'), emptyContent, new Date(1))
  first.save(source('file/c'), emptyContent, new Date(2))
  const second = handover.next()
  assert.deepEqual([...second.restored].map(([name, { savedAt }]) => [name, savedAt.getTime()]).sort(), [
    ['file/a', 0],
    ['file/b', 1],
    ['file/c', 2],
  ])
  assert.deepEqual(written, ['file/b', 'file/c'])
})

test('a mesh writes to disk when it is in force, and no longer when another is', () => {
  const { store, written } = disk()
  const handover = createHandover(store)
  const first = handover.next()
  first.takeOver()
  const second = handover.next()
  second.save(source('file/new'), emptyContent, at)
  assert.deepEqual(written, [], 'it waits')
  second.takeOver()
  assert.deepEqual(written, ['file/new'])
  first.save(source('file/old'), emptyContent, at)
  second.save(source('file/more'), emptyContent, at)
  assert.deepEqual(written, ['file/new', 'file/more'])
  assert.deepEqual([...handover.next().restored.keys()], ['file/new', 'file/more'])
})
