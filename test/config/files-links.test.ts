/** A directory of YAML with symbolic links. */
import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { addressOf, kinds, names, synced, temporary, watch } from './watched.ts'
import { serviceEntry } from './yaml-of.ts'

test("Kubernetes' ..data swap", async (t) => {
  const dir = temporary(t)
  const version = (n: number, files: Record<string, string>) => {
    mkdirSync(join(dir, `..v${n}`))
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, `..v${n}`, name), text)
    symlinkSync(`..v${n}`, join(dir, '..data_tmp'))
    renameSync(join(dir, '..data_tmp'), join(dir, '..data'))
    if (n > 1) rmSync(join(dir, `..v${n - 1}`), { recursive: true })
  }
  version(1, { 'a.yaml': serviceEntry('a'), 'b.yaml': serviceEntry('b') })
  for (const name of ['a.yaml', 'b.yaml']) symlinkSync(`..data/${name}`, join(dir, name))
  const w = watch(t, dir)
  await synced(w)
  assert.deepEqual(names(w), ['a', 'b'])
  for (let n = 2; n < 5; n++) {
    version(n, { 'a.yaml': serviceEntry('a', `10.0.0.${n}`), 'b.yaml': serviceEntry('b') })
    await w.until('swap', () => addressOf(w, 'a') === `10.0.0.${n}`)
  }
  const changed = w.updates.flatMap((u) => (u.kind === 'delta' ? u.changed.map((o) => o.name) : []))
  assert.deepEqual([...new Set(changed)], ['a'])
  assert.deepEqual(w.issues, [])
})

test('a link to a file elsewhere is followed there', async (t) => {
  const elsewhere = temporary(t)
  const dir = temporary(t)
  writeFileSync(join(elsewhere, 'real'), serviceEntry('a'))
  symlinkSync(join(elsewhere, 'real'), join(dir, 'a.yaml'))
  const w = watch(t, dir)
  await synced(w)
  writeFileSync(join(elsewhere, 'new'), serviceEntry('a', '10.0.0.2'))
  renameSync(join(elsewhere, 'new'), join(elsewhere, 'real'))
  await w.until('change', () => addressOf(w, 'a') === '10.0.0.2')
})

test('a link to a directory, and a circle of them', async (t) => {
  const elsewhere = temporary(t)
  const dir = temporary(t)
  writeFileSync(join(elsewhere, 'a.yaml'), serviceEntry('a'))
  symlinkSync(elsewhere, join(dir, 'link'))
  symlinkSync(dir, join(elsewhere, 'back'))
  symlinkSync('.', join(dir, 'self'))
  const w = watch(t, dir)
  await synced(w)
  assert.deepEqual(names(w), ['a'])
  assert.deepEqual(w.issues, [])
  symlinkSync('round.yaml', join(dir, 'round.yaml'))
  await w.until('an issue', () => w.issues.some(({ message }) => message.endsWith('go in a circle')))
  writeFileSync(join(elsewhere, 'b.yaml'), serviceEntry('b'))
  await w.until('b', () => w.objects.has('b'))
})

test('the root is a link, and is led elsewhere', async (t) => {
  const base = temporary(t)
  for (const n of [1, 2]) {
    mkdirSync(join(base, `v${n}/sub`), { recursive: true })
    writeFileSync(join(base, `v${n}/sub/a.yaml`), serviceEntry('a', `10.0.0.${n}`))
  }
  symlinkSync('v1', join(base, 'current'))
  const w = watch(t, join(base, 'current'))
  await synced(w)
  symlinkSync('v2', join(base, 'next'))
  renameSync(join(base, 'next'), join(base, 'current'))
  await w.until('v2', () => addressOf(w, 'a') === '10.0.0.2')
  w.replace('sub/a.yaml', serviceEntry('a', '10.0.0.3'))
  await w.until('followed', () => addressOf(w, 'a') === '10.0.0.3')
  assert.ok(!kinds(w).includes('trouble'))
})

test('a link that leads nowhere keeps what it gave', async (t) => {
  const dir = temporary(t)
  const elsewhere = temporary(t)
  writeFileSync(join(elsewhere, 'a'), serviceEntry('a'))
  symlinkSync(join(elsewhere, 'a'), join(dir, 'a.yaml'))
  const w = watch(t, dir)
  await synced(w)
  unlinkSync(join(elsewhere, 'a'))
  await w.until('issue', () => w.issues.some((i) => i.code === 'PH1010'))
  assert.ok(w.objects.has('a'))
  writeFileSync(join(elsewhere, 'a'), serviceEntry('a', '10.0.0.2'))
  await w.until('back', () => addressOf(w, 'a') === '10.0.0.2' && w.issues.length === 0)
})
