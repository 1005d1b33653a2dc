/** A temporary directory and a source that follows it, for tests with real files and real events. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { type FilesDeps, type FilesOptions, filesSource } from '#config/sources/files.ts'
import type { ConfigObject, ConfigUpdate, ServiceEntrySpec } from '#model/config.ts'
import type { Issue } from '#model/issue.ts'

export interface Watched {
  readonly dir: string
  readonly updates: readonly ConfigUpdate[]
  /** What the updates add up to: name of each object, and the object. */
  readonly objects: ReadonlyMap<string, ConfigObject>
  readonly issues: readonly Issue[]
  path(name: string): string
  write(name: string, text: string): void
  /** Written beside it and renamed over it, as careful programs do. */
  replace(name: string, text: string): void
  /** Resolves when the condition holds, now or after an update; fails after 5 s. */
  until(what: string, holds: () => boolean): Promise<void>
}

export function temporary(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'pilothouse-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

export function watch(
  t: TestContext,
  dir: string,
  options: Partial<FilesOptions> = {},
  deps: FilesDeps = {},
): Watched {
  const updates: ConfigUpdate[] = []
  const objects = new Map<string, ConfigObject>()
  let issues: readonly Issue[] = []
  const waiting = new Set<() => void>()
  const timing = { retry: 20, vanishAfterTrouble: 80, ...options.timing }
  const source = filesSource({ name: 'files/test', path: dir, ...options, timing }, deps)
  const subscription = source.updates.subscribe((update) => {
    updates.push(update)
    if (update.kind === 'full') objects.clear()
    if (update.kind !== 'trouble') {
      for (const o of update.kind === 'full' ? update.objects : update.changed) objects.set(o.name, o)
      if (update.kind === 'delta') for (const key of update.removed) objects.delete(key.split('/')[2]!)
      issues = update.issues
    }
    for (const check of waiting) check()
  })
  t.after(() => subscription.unsubscribe())

  const path = (name: string): string => join(dir, name)
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(path(name)), { recursive: true })
    writeFileSync(path(name), text)
  }
  return {
    dir,
    updates,
    objects,
    get issues() {
      return issues
    },
    path,
    write,
    replace(name, text) {
      write(`${name}.tmp`, text)
      renameSync(path(`${name}.tmp`), path(name))
    },
    until(what, holds) {
      return new Promise((resolve, reject) => {
        const finish = (end: () => void) => {
          clearTimeout(timer)
          waiting.delete(check)
          end()
        }
        const check = () => holds() && finish(resolve)
        const fail = () => reject(new Error(`waited in vain: ${what}; ${JSON.stringify(updates.at(-1))}`))
        const timer = setTimeout(() => finish(fail), 5000)
        waiting.add(check)
        check()
      })
    },
  }
}

export const synced = (w: Watched) => w.until('full', () => w.updates.some((u) => u.kind === 'full'))
export const addressOf = (w: Watched, name: string): string | undefined =>
  (w.objects.get(name)?.spec as ServiceEntrySpec | undefined)?.endpoints[0]?.address
export const names = (w: Watched): string[] => [...w.objects.keys()].sort()
export const kinds = (w: Watched): string[] => w.updates.map((u) => u.kind)
