/** Whatever happens to the files: when it is quiet, the source says what a fresh look says. */
import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { firstValueFrom } from 'rxjs'
import { filesSource } from '#config/sources/files.ts'
import type { ConfigObject } from '#model/config.ts'
import { temporary, watch } from './watched.ts'
import { serviceEntry } from './yaml-of.ts'

const FILES = ['a.yaml', 'b.yaml', 'sub/c.yaml', 'sub/deep/d.yaml', '.hidden/e.yaml']
const file = fc.constantFrom(...FILES)
const name = fc.constantFrom('x', 'y', 'z')
const address = fc.integer({ min: 1, max: 250 }).map((n) => `10.0.0.${n}`)
const text = fc.oneof(
  fc.tuple(name, address).map(([n, a]) => serviceEntry(n, a)),
  fc.tuple(name, name, address).map(([n, m, a]) => `${serviceEntry(n, a)}---\n${serviceEntry(m, a)}`),
  fc.constant(''),
  fc.constant('# nothing\n'),
)
const step = fc.oneof(
  fc.record({ do: fc.constant('write' as const), file, text }),
  fc.record({ do: fc.constant('replace' as const), file, text }),
  fc.record({ do: fc.constant('delete' as const), file }),
  fc.record({ do: fc.constant('move' as const), file, to: file }),
  fc.record({ do: fc.constant('link' as const), file, to: file }),
  fc.record({ do: fc.constant('rmdir' as const), file: fc.constantFrom('sub/deep', 'sub') }),
  fc.record({ do: fc.constant('pause' as const), ms: fc.integer({ min: 0, max: 40 }) }),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

async function run(dir: string, one: Step): Promise<void> {
  if (one.do === 'pause') return new Promise((resolve) => setTimeout(resolve, one.ms))
  const path = join(dir, one.file)
  try {
    if (one.do === 'rmdir') return rmSync(path, { recursive: true, force: true })
    if (one.do === 'delete') return unlinkSync(path)
    mkdirSync(dirname(path), { recursive: true })
    if (one.do === 'write') writeFileSync(path, one.text)
    else if (one.do === 'replace') {
      writeFileSync(`${path}~`, one.text)
      renameSync(`${path}~`, path)
    } else if (one.do === 'link') {
      symlinkSync(join(dir, one.to), `${path}~`)
      renameSync(`${path}~`, path)
    } else renameSync(path, join(dir, one.to))
  } catch {
    // Nothing there to delete or move: fine.
  }
}

const content = (objects: Iterable<ConfigObject>): string[] =>
  [...objects].map((o) => `${o.name} ${o.version} ${o.origin.at!.split(':')[0]!}`).sort()

test('random changes', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
      const dir = temporary(t)
      const w = watch(t, dir)
      await w.until('full', () => w.updates.length > 0)
      for (const one of steps) await run(dir, one)
      // A dangling link keeps what it gave, which a fresh look can't know.
      for (const path of FILES) await run(dir, { do: 'delete', file: path })
      for (const [i, path] of FILES.entries())
        await run(dir, {
          do: 'replace',
          file: path,
          text: serviceEntry(`n${i % 3}`, `10.1.0.${steps.length}`),
        })
      const fresh = await firstValueFrom(filesSource({ name: 'files/test', path: dir }).updates)
      assert.ok(fresh.kind === 'full')
      await w.until(
        'agreement',
        () => JSON.stringify(content(w.objects.values())) === JSON.stringify(content(fresh.objects)),
      )
      await w.until('issues', () => w.issues.length === fresh.issues.length)
    }),
    { numRuns: 12 },
  )
})
