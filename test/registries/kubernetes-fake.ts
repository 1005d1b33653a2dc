/** A Kubernetes API in memory: objects, resource versions, pages, watches with bookmarks; with faults on request. */
import type {
  KubernetesAnswer,
  KubernetesApi,
  KubernetesRequest,
} from '#config/connections/kubernetes-api.ts'

// biome-ignore lint/suspicious/noExplicitAny: objects of any kind
type Json = any
interface Change {
  readonly path: string
  readonly version: number
  readonly type: string
  readonly object: Json
}

const encoder = new TextEncoder()

export function fakeKubernetes() {
  let version = 100
  let uids = 0
  let oldest = 0
  const objects = new Map<string, Json>()
  let changes: Change[] = []
  const watches = new Set<{ path: string; send(line: string): void; end(error?: Error): void }>()
  const requests: { path: string; query: Record<string, string> }[] = []
  /** undefined: as usual; an answer, or an error that is thrown. */
  let fault: ((request: KubernetesRequest) => Partial<KubernetesAnswer> | Error | undefined) | undefined
  let renewals = 0
  let open = 0

  const collectionOf = (path: string) => path.replace(/\/namespaces\/[^/]+(?=\/)/, '')
  const within = (path: string, key: string) => {
    const namespace = /\/namespaces\/([^/]+)\//.exec(path)?.[1]
    return key.startsWith(`${collectionOf(path)}|${namespace === undefined ? '' : `${namespace}/`}`)
  }
  const keyOf = (path: string, { namespace, name }: Json) =>
    `${path}|${namespace ? `${namespace}/` : ''}${name}`
  const note = (path: string, type: string, object: Json) => {
    changes.push({ path, version, type, object })
    for (const watch of [...watches])
      if (within(watch.path, keyOf(path, object.metadata)))
        watch.send(`${JSON.stringify({ type, object })}\n`)
  }

  const api: KubernetesApi = {
    url: 'https://fake.test',
    async request(request) {
      const { path, query = {}, signal } = request
      requests.push({ path, query: { ...query } })
      open++
      signal.addEventListener('abort', () => open--, { once: true })
      await new Promise((resolve) => setImmediate(resolve))
      signal.throwIfAborted()
      const wrong = fault?.(request)
      if (wrong instanceof Error) throw wrong
      if (wrong) return { status: 200, body: once(''), ...wrong }
      return query.watch ? watch(path, query, signal) : list(path, query)
    },
    renew: () => void renewals++,
    close() {},
  }

  function list(path: string, query: Readonly<Record<string, string>>): KubernetesAnswer {
    const keys = [...objects.keys()].filter((key) => within(path, key)).sort()
    const from = query.continue ? keys.findIndex((key) => key > query.continue!.split('@')[1]!) : 0
    const at = query.continue?.split('@')[0] ?? String(version)
    if (Number(at) < oldest) return status(410, 'The provided continue parameter is too old')
    const limit = Number(query.limit ?? keys.length)
    const page = from < 0 ? [] : keys.slice(from, from + limit)
    const more = from >= 0 && from + limit < keys.length
    const metadata = { resourceVersion: at, ...(more ? { continue: `${at}@${page.at(-1)}` } : {}) }
    const items = page.map((key) => objects.get(key))
    return { status: 200, body: once(JSON.stringify({ kind: 'AnyList', apiVersion: 'v1', metadata, items })) }
  }
  function watch(
    path: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): KubernetesAnswer {
    const since = Number(query.resourceVersion)
    if (since < oldest) return status(410, 'too old resource version')
    const queue: string[] = changes
      .filter((change) => change.version > since && within(path, keyOf(change.path, change.object.metadata)))
      .map(({ type, object }) => `${JSON.stringify({ type, object })}\n`)
    let ended: Error | true | undefined
    let wake = () => {}
    const entry = {
      path,
      send(line: string) {
        queue.push(line)
        wake()
      },
      end(error?: Error) {
        ended = error ?? true
        watches.delete(entry)
        wake()
      },
    }
    watches.add(entry)
    signal.addEventListener('abort', () => entry.end(new Error('aborted')), { once: true })
    const body = (async function* () {
      for (;;) {
        while (queue.length > 0) yield encoder.encode(queue.splice(0).join(''))
        if (ended instanceof Error) throw ended
        if (ended) return
        await new Promise<void>((resolve) => (wake = resolve))
      }
    })()
    return { status: 200, body }
  }

  return {
    api,
    requests,
    renewals: () => renewals,
    open: () => open,
    version: () => version,
    /** Of a collection of the whole cluster, e.g. `/api/v1/services`. */
    put(path: string, object: Json) {
      version++
      const key = keyOf(path, object.metadata)
      const before = objects.get(key)
      const uid = object.metadata.uid ?? before?.metadata.uid ?? `uid-${++uids}`
      const stored = { ...object, metadata: { ...object.metadata, uid, resourceVersion: String(version) } }
      objects.set(key, stored)
      note(path, before ? 'MODIFIED' : 'ADDED', stored)
    },
    remove(path: string, name: string, namespace?: string) {
      const key = keyOf(path, { name, namespace })
      const before = objects.get(key)
      if (!before) return
      version++
      objects.delete(key)
      note(path, 'DELETED', { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } })
    },
    keys: (path: string) =>
      [...objects.keys()].filter((key) => within(path, key)).map((key) => key.split('|')[1]!),
    /** Watches and pages from before now are refused. */
    compact() {
      oldest = version
      changes = []
    },
    /** Ends all watches: in good order, or as a connection breaks. */
    cut(error?: Error) {
      for (const watch of [...watches]) watch.end(error)
    },
    send(line: string, path?: string) {
      for (const watch of [...watches]) if (path === undefined || watch.path === path) watch.send(line)
    },
    watching: (path: string) => [...watches].some((watch) => watch.path === path),
    fail(next: typeof fault) {
      fault = next
    },
    /** Another history: without objects, at `at`. */
    wipe(at: number) {
      objects.clear()
      changes = []
      version = at
      oldest = 0
    },
  }
}

export const once = async function* (text: string) {
  yield encoder.encode(text)
}
export const status = (
  code: number,
  message: string,
  rest: Partial<KubernetesAnswer> = {},
): KubernetesAnswer => ({
  status: code,
  body: once(JSON.stringify({ kind: 'Status', code, message })),
  ...rest,
})
export type FakeKubernetes = ReturnType<typeof fakeKubernetes>
