/** A directory of YAML where something is wrong: with objects, files, directories or watches. */
import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { type FileSystem, nodeFileSystem } from '#config/sources/look.ts'
import type { ServiceEntrySpec } from '#model/config.ts'
import { silentLogger } from '#support/logger.ts'
import { addressOf, kinds, names, synced, temporary, watch } from './watched.ts'
import { serviceEntry } from './yaml-of.ts'

test('a bad object keeps its last good version, the rest of its file goes on', async (t) => {
  const dir = temporary(t)
  writeFileSync(join(dir, 'ab.yaml'), `${serviceEntry('a')}---\n${serviceEntry('b')}`)
  const w = watch(t, dir)
  await synced(w)
  w.replace('ab.yaml', `${serviceEntry('a', 'no address')}---\n${serviceEntry('b', '10.0.0.2')}`)
  await w.until('b', () => addressOf(w, 'b') === '10.0.0.2')
  assert.equal(addressOf(w, 'a'), '10.0.0.1')
  assert.deepEqual(
    w.objects.get('a')!.issues.map((i) => [i.code, i.at]),
    [['PH1108', `${w.path('ab.yaml')}:13:16`]],
  )
  assert.deepEqual(
    w.issues.map((i) => i.code),
    ['PH1108'],
  )
  w.replace('ab.yaml', `${serviceEntry('a', '10.0.0.3')}---\n${serviceEntry('b', '10.0.0.2')}`)
  await w.until('a', () => addressOf(w, 'a') === '10.0.0.3' && w.issues.length === 0)
  assert.deepEqual(w.objects.get('a')!.issues, [])
})

test('one key in two files: the first path wins, the other is named; when the first goes it takes over', async (t) => {
  const dir = temporary(t)
  writeFileSync(join(dir, 'a.yaml'), serviceEntry('x', '10.0.0.1'))
  writeFileSync(join(dir, 'b.yaml'), serviceEntry('x', '10.0.0.2'))
  const w = watch(t, dir)
  await synced(w)
  assert.equal(addressOf(w, 'x'), '10.0.0.1')
  assert.deepEqual(
    w.issues.map((i) => i.code),
    ['PH1009'],
  )
  assert.ok(
    w.issues[0]!.message.includes(`${w.path('a.yaml')}:1`) && w.issues[0]!.at!.startsWith(w.path('b.yaml')),
  )
  unlinkSync(w.path('a.yaml'))
  await w.until('b', () => addressOf(w, 'x') === '10.0.0.2')
  assert.deepEqual(w.issues, [])
})

test('the directory is deleted and made again: trouble, content kept, full', async (t) => {
  const dir = join(temporary(t), 'mesh')
  mkdirSync(dir)
  for (let i = 0; i < 50; i++) writeFileSync(join(dir, `s${i}.yaml`), serviceEntry(`s${i}`))
  const told: string[] = []
  const tell = (_fields: object, message?: string) => void told.push(message ?? '')
  const w = watch(t, dir, {}, { log: { ...silentLogger, error: tell, info: tell } })
  await synced(w)
  rmSync(dir, { recursive: true })
  await w.until('trouble', () => kinds(w).at(-1) === 'trouble')
  assert.equal(w.objects.size, 50)
  mkdirSync(dir)
  for (let i = 0; i < 50; i++) writeFileSync(join(dir, `s${i}.yaml`), serviceEntry(`s${i}`))
  await w.until('full', () => kinds(w).at(-1) === 'full')
  assert.deepEqual(kinds(w), ['full', 'trouble', 'full'])
  assert.deepEqual(told, [`${dir} can't be read: it does not exist`, `${dir} is read again`])
  assert.equal(w.objects.size, 50)
  w.replace('s7.yaml', serviceEntry('s7', '10.0.0.7'))
  await w.until('followed again', () => addressOf(w, 's7') === '10.0.0.7')
})

test('a directory in place of a file', async (t) => {
  const dir = temporary(t)
  writeFileSync(join(dir, 'a.yaml'), serviceEntry('a'))
  const w = watch(t, dir)
  await synced(w)
  unlinkSync(w.path('a.yaml'))
  mkdirSync(w.path('a.yaml'))
  await w.until('issue', () => w.issues.some((i) => i.code === 'PH1010'))
  assert.ok(w.objects.has('a'))
  rmSync(w.path('a.yaml'), { recursive: true })
  w.write('a.yaml', serviceEntry('a', '10.0.0.2'))
  await w.until('back', () => addressOf(w, 'a') === '10.0.0.2' && w.issues.length === 0)
})

test('too large, and not UTF-8', async (t) => {
  const dir = temporary(t)
  writeFileSync(join(dir, 'large.yaml'), `#${'x'.repeat(2000)}\n`)
  writeFileSync(join(dir, 'latin1.yaml'), Buffer.from('# caf\xe9\n', 'latin1'))
  const w = watch(t, dir, { maxFileBytes: 1000 })
  await synced(w)
  assert.deepEqual(
    w.issues.map((i) => i.code),
    ['PH1011', 'PH1010'],
  )
})

test('files that this user may not read', async (t) => {
  const dir = temporary(t)
  writeFileSync(join(dir, 'a.yaml'), serviceEntry('a'))
  let denied = false
  const fs: FileSystem = {
    ...nodeFileSystem,
    readFile: (path) =>
      denied
        ? Promise.reject(Object.assign(new Error('no'), { code: 'EACCES' }))
        : nodeFileSystem.readFile(path),
  }
  const w = watch(t, dir, {}, { fs })
  await synced(w)
  denied = true
  w.replace('a.yaml', serviceEntry('a', '10.0.0.2'))
  await w.until('issue', () => w.issues.some((i) => /permission denied/.test(i.message)))
  assert.equal(addressOf(w, 'a'), '10.0.0.1')
  denied = false
  w.replace('a.yaml', serviceEntry('a', '10.0.0.3'))
  await w.until('back', () => addressOf(w, 'a') === '10.0.0.3')
})

test('the directory itself may not be read for a while', async (t) => {
  const dir = temporary(t)
  writeFileSync(join(dir, 'a.yaml'), serviceEntry('a'))
  let denied = true
  const readdir: FileSystem['readdir'] = (path) =>
    denied ? Promise.reject(Object.assign(new Error('no'), { code: 'EACCES' })) : nodeFileSystem.readdir(path)
  const w = watch(t, dir, { timing: { rescan: 20 } }, { fs: { ...nodeFileSystem, readdir } })
  await w.until('trouble', () => kinds(w).at(-1) === 'trouble')
  denied = false
  await synced(w)
  assert.ok(w.objects.has('a'))
  denied = true
  await w.until('trouble', () => kinds(w).at(-1) === 'trouble')
  assert.ok(w.objects.has('a'))
  denied = false
  await w.until('full', () => kinds(w).at(-1) === 'full')
  assert.deepEqual(kinds(w), ['trouble', 'full', 'trouble', 'full'])
})

test('the directory comes back with less: what is missing goes after a while', async (t) => {
  const dir = join(temporary(t), 'mesh')
  mkdirSync(dir)
  for (const name of ['a', 'b', 'sub/c']) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, `${name}.yaml`), serviceEntry(name.split('/').at(-1)!))
  }
  const w = watch(t, dir)
  await synced(w)
  renameSync(dir, `${dir}-away`)
  await w.until('trouble', () => kinds(w).at(-1) === 'trouble')
  mkdirSync(dir)
  writeFileSync(join(dir, 'b.yaml'), serviceEntry('b'))
  await w.until('full', () => kinds(w).at(-1) === 'full')
  assert.deepEqual(names(w), ['b'])
})

test('without watches it is compared again and again', async (t) => {
  const fs: FileSystem = {
    ...nodeFileSystem,
    watch: () => {
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    },
  }
  const w = watch(t, temporary(t), {}, { fs })
  await synced(w)
  w.write('a.yaml', serviceEntry('a'))
  await w.until('a', () => w.objects.has('a'))
  unlinkSync(w.path('a.yaml'))
  await w.until('gone', () => !w.objects.has('a'))
})

test('an event that was lost is made up for by the rescan', async (t) => {
  const fs: FileSystem = { ...nodeFileSystem, watch: () => () => {} }
  const w = watch(t, temporary(t), { timing: { rescan: 30 } }, { fs })
  await synced(w)
  w.write('x/a.yaml', serviceEntry('a'))
  await w.until('a', () => w.objects.has('a'))
  w.replace('x/a.yaml', serviceEntry('a', '10.0.0.2'))
  await w.until('change', () => addressOf(w, 'a') === '10.0.0.2')
  rmSync(w.path('x'), { recursive: true })
  await w.until('gone', () => !w.objects.has('a'))
})

test('a file that is written to while it is read is read again when it is quiet', async (t) => {
  let tell = (_type: string, _name: string) => {}
  let halves = 0
  const fs: FileSystem = {
    ...nodeFileSystem,
    watch: (_path, onEvent) => {
      tell = onEvent
      return () => {}
    },
    async readFile(path) {
      const bytes = await nodeFileSystem.readFile(path)
      if (halves-- <= 0) return bytes
      tell('change', 'a.yaml')
      return bytes.subarray(0, Buffer.from(bytes).lastIndexOf('    - address'))
    },
  }
  const dir = temporary(t)
  const two = (last: string) => `${serviceEntry('a')}    - address: ${last}\n`
  writeFileSync(join(dir, 'a.yaml'), two('10.0.0.2'))
  const w = watch(t, dir, {}, { fs })
  await synced(w)
  halves = 1
  w.replace('a.yaml', two('10.0.0.3'))
  tell('rename', 'a.yaml')
  await w.until('told', () => w.updates.length > 1)
  const { endpoints } = w.objects.get('a')!.spec as ServiceEntrySpec
  assert.deepEqual(
    endpoints.map(({ address }) => address),
    ['10.0.0.1', '10.0.0.3'],
  )
})
