/** A directory of YAML: the first word, and what follows by change of a file. */
import assert from 'node:assert/strict'
import {
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { addressOf, kinds, names, synced, temporary, watch } from './watched.ts'
import { serviceEntry } from './yaml-of.ts'

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
