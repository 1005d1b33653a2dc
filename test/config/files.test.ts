import assert from 'node:assert/strict'
import {
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { suite, test } from 'node:test'
import { firstValueFrom } from 'rxjs'
import { filesSource } from '#config/sources/files.ts'
import { type FileSystem, nodeFileSystem } from '#config/sources/look.ts'
import type { ServiceEntrySpec } from '#model/config.ts'
import { silentLogger } from '#support/logger.ts'
import { temporary, type Watched, watch } from './watched.ts'
import { serviceEntry } from './yaml-of.ts'

const synced = (w: Watched) => w.until('full', () => w.updates.some((u) => u.kind === 'full'))
const addressOf = (w: Watched, name: string): string | undefined =>
  (w.objects.get(name)?.spec as ServiceEntrySpec | undefined)?.endpoints[0]?.address
const names = (w: Watched): string[] => [...w.objects.keys()].sort()
const kinds = (w: Watched): string[] => w.updates.map((u) => u.kind)

suite('files: the first word', () => {
  test('a full after the first complete scan: recursive, .yaml, .yml and .json, nothing hidden', async (t) => {
    const dir = temporary(t)
    mkdirSync(join(dir, 'a/b'), { recursive: true })
    mkdirSync(join(dir, '.git'))
    writeFileSync(join(dir, 'one.yaml'), serviceEntry('one'))
    writeFileSync(join(dir, 'a/two.yml'), serviceEntry('two'))
    writeFileSync(
      join(dir, 'a/b/three.json'),
      '{"apiVersion":"networking.istio.io/v1","kind":"ServiceEntry","metadata":{"name":"three"},"spec":{"hosts":["a.b"]}}',
    )
    writeFileSync(join(dir, '.git/no.yaml'), serviceEntry('no'))
    writeFileSync(join(dir, '.no.yaml'), serviceEntry('no'))
    writeFileSync(join(dir, 'README.md'), 'no')
    const w = watch(t, dir)
    await synced(w)
    assert.deepEqual(kinds(w), ['full'])
    assert.deepEqual(names(w), ['one', 'three', 'two'])
    assert.deepEqual(w.objects.get('two')!.origin, {
      source: 'files/test',
      object: 'ServiceEntry/default/two',
      at: `${join(dir, 'a/two.yml')}:1`,
    })
  })
  test('the working directory by its dot', async (t) => {
    const dir = temporary(t)
    writeFileSync(join(dir, 'one.yaml'), serviceEntry('one'))
    const before = process.cwd()
    process.chdir(dir)
    t.after(() => process.chdir(before))
    const w = watch(t, '.')
    await synced(w)
    assert.deepEqual(names(w), ['one'])
  })
  test('an empty directory is a fact', async (t) => {
    const w = watch(t, temporary(t))
    await synced(w)
    assert.deepEqual(w.updates, [{ kind: 'full', objects: [], issues: [] }])
  })
  test('a missing directory is trouble, and is found when it appears', async (t) => {
    const dir = join(temporary(t), 'later')
    const w = watch(t, dir)
    await w.until('trouble', () => w.updates.length === 1)
    assert.equal(w.updates[0]!.kind === 'trouble' && w.updates[0]!.error.code, 'PH1013')
    w.write('a.yaml', serviceEntry('a'))
    await w.until('a', () => w.objects.has('a'))
    assert.equal(kinds(w)[1], 'full')
  })
  test('one file', async (t) => {
    const dir = temporary(t)
    writeFileSync(join(dir, 'mesh.conf'), serviceEntry('a'))
    writeFileSync(join(dir, 'other.yaml'), serviceEntry('b'))
    const w = watch(t, join(dir, 'mesh.conf'))
    await synced(w)
    assert.deepEqual(names(w), ['a'])
    writeFileSync(join(dir, 'new'), serviceEntry('a', '10.0.0.2'))
    renameSync(join(dir, 'new'), join(dir, 'mesh.conf'))
    await w.until('change', () => addressOf(w, 'a') === '10.0.0.2')
    unlinkSync(join(dir, 'mesh.conf'))
    writeFileSync(join(dir, 'mesh.conf'), serviceEntry('a', '10.0.0.3'))
    await w.until('made again', () => addressOf(w, 'a') === '10.0.0.3')
    assert.ok(!kinds(w).includes('trouble'))
    unlinkSync(join(dir, 'mesh.conf'))
    await w.until('trouble', () => kinds(w).at(-1) === 'trouble')
    assert.deepEqual(names(w), ['a'])
  })
})

suite('files: changes', () => {
  test('a rename over a file gives that object alone', async (t) => {
    const dir = temporary(t)
    for (const name of ['a', 'b', 'c']) writeFileSync(join(dir, `${name}.yaml`), serviceEntry(name))
    const w = watch(t, dir)
    await synced(w)
    w.replace('b.yaml', serviceEntry('b', '10.0.0.2'))
    await w.until('b', () => addressOf(w, 'b') === '10.0.0.2')
    const last = w.updates.at(-1)!
    assert.ok(last.kind === 'delta')
    assert.deepEqual(
      last.changed.map((o) => o.name),
      ['b'],
    )
    assert.deepEqual(last.removed, [])
  })
  test('what is the same again is not told: touch, comments, order of fields', async (t) => {
    const w = watch(t, temporary(t))
    w.write('a.yaml', serviceEntry('a'))
    await w.until('a', () => w.objects.has('a'))
    const before = w.updates.length
    utimesSync(w.path('a.yaml'), new Date(), new Date())
    w.replace('a.yaml', `# a comment\n${serviceEntry('a')}`)
    w.replace('z.yaml', serviceEntry('z'))
    await w.until('z', () => w.objects.has('z'))
    const later = w.updates.slice(before)
    assert.deepEqual(
      later.flatMap((u) => (u.kind === 'delta' ? u.changed.map((o) => o.name) : [u.kind])),
      ['z'],
    )
  })
  test('a removed file takes its objects with it, and an object taken out of a file goes', async (t) => {
    const dir = temporary(t)
    writeFileSync(join(dir, 'a.yaml'), serviceEntry('a'))
    writeFileSync(join(dir, 'bc.yaml'), `${serviceEntry('b')}---\n${serviceEntry('c')}`)
    const w = watch(t, dir)
    await synced(w)
    unlinkSync(w.path('a.yaml'))
    await w.until('a gone', () => !w.objects.has('a'))
    w.replace('bc.yaml', serviceEntry('c'))
    await w.until('b gone', () => !w.objects.has('b'))
    assert.deepEqual(names(w), ['c'])
  })
  test('an editor that deletes and creates makes nothing flap', async (t) => {
    const dir = temporary(t)
    writeFileSync(join(dir, 'a.yaml'), serviceEntry('a'))
    const w = watch(t, dir)
    await synced(w)
    for (let i = 0; i < 3; i++) {
      unlinkSync(w.path('a.yaml'))
      w.write('a.yaml', serviceEntry('a', `10.0.1.${i}`))
      await w.until('change', () => addressOf(w, 'a') === `10.0.1.${i}`)
    }
    assert.ok(w.updates.every((u) => u.kind !== 'delta' || u.removed.length === 0))
  })
  test('a file written in pieces never shows half of itself', async (t) => {
    const dir = temporary(t)
    const whole = `${serviceEntry('a', '10.0.0.9')}---\n${serviceEntry('b')}`
    writeFileSync(join(dir, 'ab.yaml'), `${serviceEntry('a')}---\n${serviceEntry('b')}`)
    const w = watch(t, dir)
    await synced(w)
    const file = openSync(w.path('ab.yaml'), 'w')
    const step = Math.ceil(whole.length / 7)
    for (let at = 0; at < whole.length; at += step) {
      writeSync(file, whole.slice(at, at + step))
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    closeSync(file)
    await w.until('a', () => addressOf(w, 'a') === '10.0.0.9')
    const deltas = w.updates.slice(1)
    assert.equal(deltas.length, 1, JSON.stringify(deltas))
    assert.deepEqual(w.issues, [])
  })
  test('half a file for good keeps what was there, with an issue, until it is whole', async (t) => {
    const dir = temporary(t)
    writeFileSync(join(dir, 'a.yaml'), serviceEntry('a'))
    const w = watch(t, dir)
    await synced(w)
    w.write('a.yaml', `${serviceEntry('a').slice(0, 60)}\n  x: [1,\n`)
    await w.until('issue', () => w.issues.some((i) => i.code === 'PH1001'))
    assert.equal(addressOf(w, 'a'), '10.0.0.1')
    assert.match(w.issues[0]!.at!, /a\.yaml:\d+:\d+$/)
    assert.deepEqual(w.objects.get('a')?.issues, w.issues, 'the object that is kept shows why')
    w.write('a.yaml', serviceEntry('a', '10.0.0.2'))
    await w.until('whole', () => addressOf(w, 'a') === '10.0.0.2')
    assert.deepEqual(w.issues, [])
  })
  test('new and removed subdirectories', async (t) => {
    const w = watch(t, temporary(t))
    await synced(w)
    w.write('x/y/a.yaml', serviceEntry('a'))
    await w.until('a', () => w.objects.has('a'))
    w.write('x/y/b.yaml', serviceEntry('b'))
    await w.until('b', () => w.objects.has('b'))
    rmSync(w.path('x'), { recursive: true })
    await w.until('gone', () => w.objects.size === 0)
    w.write('x/y/a.yaml', serviceEntry('a', '10.0.0.7'))
    await w.until('back', () => addressOf(w, 'a') === '10.0.0.7')
  })
  test('a directory made again is followed, even if it gets the same inode', async (t) => {
    const w = watch(t, temporary(t))
    for (let i = 1; i < 6; i++) {
      w.write('x/a.yaml', serviceEntry('a', `10.0.0.${i}`))
      await w.until('made', () => addressOf(w, 'a') === `10.0.0.${i}`)
      w.replace('x/a.yaml', serviceEntry('a', `10.0.1.${i}`))
      await w.until('followed', () => addressOf(w, 'a') === `10.0.1.${i}`)
      rmSync(w.path('x'), { recursive: true })
    }
  })
  test('a directory moved away and another one moved into its place', async (t) => {
    const w = watch(t, temporary(t))
    w.write('in/a.yaml', serviceEntry('a'))
    w.write('.out/a.yaml', serviceEntry('a', '10.0.0.2'))
    await w.until('a', () => w.objects.has('a'))
    renameSync(w.path('in'), w.path('.was'))
    renameSync(w.path('.out'), w.path('in'))
    await w.until('other', () => addressOf(w, 'a') === '10.0.0.2')
    w.replace('in/a.yaml', serviceEntry('a', '10.0.0.3'))
    await w.until('followed', () => addressOf(w, 'a') === '10.0.0.3')
  })
})

suite('files: symbolic links', () => {
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
})

suite('files: faults', () => {
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
      denied
        ? Promise.reject(Object.assign(new Error('no'), { code: 'EACCES' }))
        : nodeFileSystem.readdir(path)
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
})

suite('files: many', () => {
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
})
