/** Istio's YAML (or JSON) in Consul's KV: each key under a prefix is a file. The `consul-kv` kind of source. */
import { Observable, type Subscriber, type Subscription } from 'rxjs'
import type { ConfigUpdate } from '#model/config.ts'
import type { Logger } from '#support/logger.ts'
import type { ConsulConnection } from '../connections/consul.ts'
import type { FollowKv, KvEntry, KvUpdate } from '../connections/consul-kv.ts'
import type { ObjectOptions } from '../istio/object.ts'
import { type FileContent, parseSteps } from '../parse.ts'
import type { ConfigSource } from '../source.ts'
import { createCatalog } from './catalog.ts'

export interface ConsulKvOptions extends ObjectOptions {
  /** e.g. `consul-kv/pilothouse/config` */
  readonly name: string
  /** Without slashes around it. */
  readonly prefix: string
  readonly connection: ConsulConnection
  /** '' = the agent's own. */
  readonly datacenter: string
}

export interface ConsulKvDeps {
  readonly follow: FollowKv
  readonly log: Logger
}

/** Shared by its subscribers; one who comes later hears a `full` first. */
export function consulKvSource(options: ConsulKvOptions, deps: ConsulKvDeps): ConfigSource {
  const subscribers = new Set<Subscriber<ConfigUpdate>>()
  let reader: ReturnType<typeof readKeys> | undefined

  const updates = new Observable<ConfigUpdate>((subscriber) => {
    for (const update of reader?.current() ?? []) subscriber.next(update)
    subscribers.add(subscriber)
    reader ??= readKeys(options, deps, (update) => {
      for (const one of [...subscribers]) one.next(update)
    })
    return () => {
      subscribers.delete(subscriber)
      if (subscribers.size > 0) return
      reader?.stop()
      reader = undefined
    }
  })
  return { name: options.name, kind: 'consul-kv', updates }
}

function readKeys(
  options: ConsulKvOptions,
  { follow, log }: ConsulKvDeps,
  emit: (update: ConfigUpdate) => void,
) {
  const catalog = createCatalog()
  const versions = new Map<string, number>()
  let synced = false
  let trouble: Extract<ConfigUpdate, { kind: 'trouble' }> | undefined
  let subscription: Subscription | undefined
  let next: Extract<KvUpdate, { kind: 'content' }> | undefined
  let busy = false
  let stopped = false

  /** `prefix` and `prefix/…`, not `prefix-other`. */
  const isOurs = ({ key }: KvEntry) =>
    options.prefix === '' || key === options.prefix || key.startsWith(`${options.prefix}/`)

  async function take({ entries, newHistory }: NonNullable<typeof next>): Promise<void> {
    const ours = entries.filter(isOurs)
    const now = new Set(ours.map(({ key }) => key))
    for (const key of [...versions.keys()]) {
      if (now.has(key)) continue
      versions.delete(key)
      catalog.remove(placeOf(key))
    }
    for (const { key, value, version } of ours) {
      // After a new history the same version may be another one.
      if (versions.get(key) === version && !newHistory) continue
      const content = await parsed(value, { ...options, file: placeOf(key), source: options.name })
      if (stopped) return
      versions.set(key, version)
      catalog.set(placeOf(key), content)
    }
    tell(newHistory)
  }

  function tell(newHistory: boolean): void {
    const changes = catalog.take()
    for (const { severity, code, message, at, remedy } of changes?.issues ?? [])
      if (severity === 'error') log.error({ code, at, remedy }, message)
    if (!synced || trouble || newHistory) {
      synced = true
      trouble = undefined
      emit({ kind: 'full', objects: catalog.objects(), issues: catalog.issues() })
    } else if (changes) emit({ kind: 'delta', ...changes })
  }

  /** One after the other; of several that wait only the newest counts, as each is the whole. */
  async function work(): Promise<void> {
    if (busy) return
    busy = true
    while (next && !stopped) {
      const update = next
      next = undefined
      await take(update)
    }
    busy = false
  }

  subscription = follow(options.connection, options.prefix, options.datacenter).subscribe((update) => {
    if (update.kind === 'content') {
      next = { ...update, newHistory: update.newHistory || (next?.newHistory ?? false) }
      void work()
      return
    }
    trouble = update
    log.error(
      { source: options.name, code: update.error.code, remedy: update.error.remedy },
      update.error.message,
    )
    emit(update)
  })

  return {
    current: (): readonly ConfigUpdate[] => [
      ...(synced ? [{ kind: 'full' as const, objects: catalog.objects(), issues: catalog.issues() }] : []),
      ...(trouble ? [trouble] : []),
    ],
    stop() {
      stopped = true
      subscription?.unsubscribe()
    },
  }
}

const placeOf = (key: string): string => `consul-kv/${key}`

/** Others have their turn between documents. */
async function parsed(text: string, options: Parameters<typeof parseSteps>[1]): Promise<FileContent> {
  const steps = parseSteps(text, options)
  let began = performance.now()
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    if (performance.now() - began < 10) continue
    await new Promise((resolve) => setImmediate(resolve))
    began = performance.now()
  }
}
