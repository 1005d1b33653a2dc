/** A large directory of YAML, and several that follow it. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { firstValueFrom } from 'rxjs'
import { filesSource } from '#config/sources/files.ts'
import { type FileSystem, nodeFileSystem } from '#config/sources/look.ts'
import { addressOf, synced, temporary, watch } from './watched.ts'
import { serviceEntry } from './yaml-of.ts'

test('the change of one of thousands reads that one, and looks at little else', async (t) => {
  const dir = temporary(t)
  for (let i = 0; i < 2000; i++)
    writeFileSync(
      join(dir, `s${i}.json`),
      `{"apiVersion":"networking.istio.io/v1","kind":"ServiceEntry","metadata":{"name":"s${i}"},"spec":{"hosts":["s${i}.example.com"]}}`,
    )
  const calls = { readFile: 0, lstat: 0, stat: 0, readdir: 0 }
  const count = <K extends keyof typeof calls>(name: K) =>
    ((path: string) => {
      calls[name]++
      return nodeFileSystem[name](path)
    }) as FileSystem[K]
  const fs: FileSystem = {
    ...nodeFileSystem,
    readFile: count('readFile'),
    lstat: count('lstat'),
    stat: count('stat'),
    readdir: count('readdir'),
  }
  const w = watch(t, dir, {}, { fs })
  await synced(w)
  assert.equal(w.objects.size, 2000)
  assert.equal(calls.readFile, 2000)
  Object.assign(calls, { readFile: 0, lstat: 0, stat: 0, readdir: 0 })
  w.replace('s1234.json', serviceEntry('s1234', '10.0.0.2'))
  await w.until('change', () => addressOf(w, 's1234') === '10.0.0.2')
  assert.equal(calls.readFile, 1)
  assert.ok(calls.lstat + calls.stat + calls.readdir <= 6, JSON.stringify(calls))
})

test('subscribers share one watch; a late one hears a full; the last one frees all', async (t) => {
  const dir = temporary(t)
  writeFileSync(join(dir, 'a.yaml'), serviceEntry('a'))
  let open = 0
  const fs: FileSystem = {
    ...nodeFileSystem,
    watch(path, onEvent, onError) {
      open++
      const stop = nodeFileSystem.watch(path, onEvent, onError)
      return () => {
        open--
        stop()
      }
    },
  }
  const source = filesSource({ name: 'files/x', path: dir }, { fs })
  const first = await new Promise<() => void>((resolve) => {
    const s = source.updates.subscribe(() => resolve(() => s.unsubscribe()))
  })
  assert.equal(open, 2) // the directory, and its name in the one above
  const heard: string[] = []
  const second = source.updates.subscribe((u) => heard.push(u.kind))
  assert.deepEqual([heard, open], [['full'], 2])
  first()
  assert.equal(open, 2)
  second.unsubscribe()
  assert.equal(open, 0)
  const again = (await firstValueFrom(source.updates)).kind
  assert.equal(again, 'full')
  assert.equal(open, 0)
})
