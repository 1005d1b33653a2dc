/** Consul's KV under a prefix, followed by one blocking query. */
import { Observable, type SchedulerLike } from 'rxjs'
import type { ConsulConnection } from '#config/connections/consul.ts'
import type { FollowKv, KvUpdate } from '#config/connections/consul-kv.ts'
import { registryError } from '../trouble.ts'
import { type ConsulClient, ConsulFailure } from './answer.ts'
import { notUnderstood, rightsLost } from './failures.ts'
import { type Answer, defaultTiming, type WatchTiming, watch } from './watch.ts'
import { readKv } from './wire.ts'

export interface KvDeps {
  readonly clock: SchedulerLike
  /** Given in tests. */
  readonly connect?: (connection: ConsulConnection) => ConsulClient
  readonly timing?: WatchTiming
  readonly random?: () => number
}

export const followKv =
  (deps: KvDeps): FollowKv =>
  (connection, prefix, datacenter) =>
    new Observable<KvUpdate>((subscriber) => {
      let stop: (() => void) | undefined
      let left = false
      const start = (connect: NonNullable<KvDeps['connect']>) => {
        if (!left)
          stop = follow({ prefix, datacenter }, connect(connection), deps, (update) =>
            subscriber.next(update),
          )
      }
      if (deps.connect) start(deps.connect)
      else void import('./client.ts').then(({ createConsulClient }) => start(createConsulClient))
      return () => {
        left = true
        stop?.()
      }
    })

function follow(
  { prefix, datacenter }: { readonly prefix: string; readonly datacenter: string },
  client: ConsulClient,
  { clock, timing = defaultTiming, random = Math.random }: KvDeps,
  emit: (update: KvUpdate) => void,
): () => void {
  const path = `/kv/${prefix.split('/').map(encodeURIComponent).join('/')}`
  let said: string | undefined
  /** Of the last content: how many keys, at which index. */
  let had = 0
  let index = 0
  let doubtful = false
  let trouble: { readonly code: string; readonly since: Date } | undefined

  function onAnswer(answer: Answer, reset: boolean): void {
    // A token without the right to list sees an empty store.
    if (answer.filtered) throw rightsLost(`the keys under ${prefix}`)
    const entries = answer.status === 404 ? [] : readKv(answer.text)
    if (!entries) throw notUnderstood(path)
    doubtful ||= reset
    if (doubtful && had > 0 && entries.length === 0) throw emptied(prefix)
    // Without a token Consul does not say that it filters; but then nothing was deleted.
    if (!doubtful && entries.length < had && answer.index <= index)
      throw rightsLost(`the keys under ${prefix}`)
    const text = entries.map(({ key, version }) => `${key} ${version}`).join('\n')
    const same = text === said && !doubtful && !trouble
    if (!same) emit({ kind: 'content', entries, newHistory: doubtful })
    said = text
    had = entries.length
    index = answer.index
    doubtful = false
    trouble = undefined
  }

  const watching = watch(
    {
      path,
      query: { recurse: '', ...(datacenter !== '' && { dc: datacenter }) },
      gap: () => 50,
      onAnswer,
      onFailure({ error }) {
        if (trouble?.code === error.code) return
        trouble = { code: error.code, since: trouble?.since ?? new Date(clock.now()) }
        emit({ kind: 'trouble', error, since: trouble.since })
      },
    },
    { client, clock, random, timing },
  )
  return () => {
    watching.stop()
    client.close()
  }
}

const emptied = (prefix: string): ConsulFailure =>
  new ConsulFailure(
    registryError(
      'PH3006',
      `Consul's KV has no key under ${prefix} any more, and its index went backwards: it has lost its data.`,
      'Nothing was taken away. Write the keys again; if they are gone on purpose, write and delete one.',
    ),
  )
