/** A directory of Istio's own YAML, or one such file, followed live: the `files` kind of configuration source. */
import { asyncScheduler, Observable, type SchedulerLike, type Subscriber } from 'rxjs'
import type { ConfigUpdate } from '#model/config.ts'
import { type Logger, silentLogger } from '#support/logger.ts'
import type { ObjectOptions } from '../istio/object.ts'
import type { ConfigSource } from '../source.ts'
import { defaultTiming, type Timing } from './agenda.ts'
import { type Follower, follow } from './follow.ts'
import { type FileSystem, nodeFileSystem } from './look.ts'

export interface FilesOptions extends ObjectOptions {
  /** Unique, e.g. `files/config`. */
  readonly name: string
  readonly path: string
  /** Larger files are refused with an issue. Default 8 MiB. */
  readonly maxFileBytes?: number
  readonly timing?: Partial<Timing>
}

export interface FilesDeps {
  readonly fs?: FileSystem
  readonly clock?: SchedulerLike
  readonly log?: Logger
}

/**
 * All subscribers share one watch, which ends with the last of them; one who comes later hears a `full` first.
 * `full` is said after the first complete scan; a missing directory is `trouble`, not an empty `full`.
 */
export function filesSource(options: FilesOptions, deps: FilesDeps = {}): ConfigSource {
  const subscribers = new Set<Subscriber<ConfigUpdate>>()
  let follower: Follower | undefined

  const updates = new Observable<ConfigUpdate>((subscriber) => {
    for (const update of follower?.current() ?? []) subscriber.next(update)
    subscribers.add(subscriber)
    follower ??= follow(
      {
        ...options,
        source: options.name,
        maxFileBytes: options.maxFileBytes ?? 8 * 1_048_576,
        timing: { ...defaultTiming, ...options.timing },
        fs: deps.fs ?? nodeFileSystem,
        clock: deps.clock ?? asyncScheduler,
        log: deps.log ?? silentLogger,
      },
      (update) => {
        for (const one of [...subscribers]) one.next(update)
      },
    )
    return () => {
      subscribers.delete(subscriber)
      if (subscribers.size > 0) return
      follower?.stop()
      follower = undefined
    }
  })
  return { name: options.name, kind: 'files', updates }
}
