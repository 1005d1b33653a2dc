/** A directory as the store of self-registration: a file for each workload, whole or not at all. */
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '#support/logger.ts'
import { reasonOf } from '../trouble.ts'
import { toObject } from './record.ts'
import type { Store } from './shared.ts'

const whole = { recursive: true, mode: 0o700 } as const

/** Writes one after the other. What fails is said in the log, once until it works again. */
export function directoryStore(path: string, log: Logger): Store {
  let last: Promise<void> = Promise.resolve()
  let failing = false
  function then(work: () => Promise<void>): void {
    last = last.then(work).then(
      () => {
        failing = false
      },
      (error: unknown) => {
        if (!failing)
          log.error(
            { path },
            `Workloads can't be shared with other Pilots: ${reasonOf(error)} (let this user write there)`,
          )
        failing = true
      },
    )
  }
  // There before it is followed: a missing directory is an outage.
  try {
    mkdirSync(path, whole)
  } catch {
    // Whoever reads or writes it says why.
  }
  return {
    put: (key, record) =>
      then(async () => {
        await mkdir(path, whole)
        const file = join(path, fileOf(key))
        // Hidden, so that nobody reads it before it is whole.
        const draft = join(path, `.${fileOf(key)}.${process.pid}`)
        await writeFile(draft, `${JSON.stringify(toObject(record))}\n`, { mode: 0o600 })
        await rename(draft, file)
      }),
    remove: (key) => then(() => rm(join(path, fileOf(key)), { force: true })),
  }
}

/** Namespace and name as they are, where a file name may be that long. */
function fileOf(key: string): string {
  const name = key.replace('/', '_')
  return `${name.length <= 200 ? name : createHash('sha256').update(name).digest('hex')}.json`
}
