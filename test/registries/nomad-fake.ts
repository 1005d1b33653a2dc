/** A Nomad of a test's own: its state, and the API that the adapter asks, without sockets. */
import type { PilotError } from '#model/issue.ts'
import type { Answer, Ask, NomadClient, Query } from '#registries/nomad/api.ts'
import { codeOfStatus, registryError } from '#registries/trouble.ts'

export interface FakeRegistration {
  readonly name: string
  readonly namespace?: string
  readonly address: string
  readonly port?: number
  readonly tags?: readonly string[]
  readonly alloc?: string
  readonly node?: string
  readonly datacenter?: string
  readonly job?: string
}

// biome-ignore lint/suspicious/noExplicitAny: wire JSON
type Json = any

export function fakeNomad() {
  let index = 10
  let registrations = new Map<string, Json>()
  let allocations: Json[] = []
  let nodes: Json[] = [
    { ID: 'n1', Name: 'one', Datacenter: 'dc1', Status: 'ready', CreateIndex: 3, Drain: false },
  ]
  const jobs = new Map<string, Json>()
  const checks = new Map<string, Json>()
  const waiting = new Set<() => void>()
  const streams = new Set<{ hear: (line: string) => void; end: (error: PilotError) => void }>()
  const asked: Ask[] = []
  let open = 0
  /** Answers in Nomad's place. */
  let fault: ((ask: Ask) => Answer | undefined) | undefined
  let streamable = true
  const unreachable = registryError('PH3001', 'http://fake: connect ECONNREFUSED.')

  function wake() {
    for (const each of [...waiting]) each()
  }
  function emit(events: Json[], at = index) {
    for (const { hear } of streams) hear(JSON.stringify({ Index: at, Events: events }))
  }
  function list(namespace: string): Json {
    const byNamespace = Map.groupBy(
      [...registrations.values()].filter((r) => namespace === '*' || r.Namespace === namespace),
      (r) => r.Namespace,
    )
    return [...byNamespace].map(([Namespace, all]) => ({
      Namespace,
      Services: [...new Set(all.map((r) => r.ServiceName))].map((ServiceName) => ({ ServiceName, Tags: [] })),
    }))
  }
  function bodyOf(path: string, namespace: string): Json {
    const parts = path.split('/').map(decodeURIComponent)
    if (path === '/v1/services') return list(namespace)
    if (path === '/v1/nodes') return nodes
    if (path === '/v1/agent/members') return { ServerRegion: 'global' }
    if (path === '/v1/allocations') return allocations
    if (path === '/v1/deployments') return []
    if (parts[2] === 'node')
      return { ...nodes.find((n) => n.ID === parts[3]), Meta: { rack: `rack-of-${parts[3]}` } }
    if (parts[2] === 'service')
      return [...registrations.values()].filter(
        (r) => r.ServiceName === parts[3] && r.Namespace === namespace,
      )
    if (parts[2] === 'job') return jobs.get(parts[3]!)
    if (parts[2] === 'client') return checks.get(parts[4]!) ?? {}
    return undefined
  }
  const aborted = (signal: AbortSignal) =>
    new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))

  async function get(ask: Ask): Promise<Answer> {
    asked.push(ask)
    open++
    const end = aborted(ask.signal).then((): Answer => ({ ok: false, error: unreachable }))
    ask.signal.addEventListener('abort', () => done(), { once: true })
    let isDone = false
    function done() {
      if (!isDone) open--
      isDone = true
    }
    const work = (async (): Promise<Answer> => {
      await null
      for (;;) {
        const wrong = fault?.(ask)
        if (wrong) return wrong
        if (ask.wait === undefined || index > Number(ask.query?.index)) break
        await new Promise<void>((resolve) => {
          const wakeUp = () => {
            waiting.delete(wakeUp)
            resolve()
          }
          waiting.add(wakeUp)
          ask.signal.addEventListener('abort', wakeUp, { once: true })
        })
        if (ask.signal.aborted) return { ok: false, error: unreachable }
      }
      const body = bodyOf(ask.path, String(ask.query?.namespace ?? 'default'))
      if (body === undefined) return status(404, 'not found')
      return { ok: true, index, body: structuredClone(body) }
    })()
    const answer = await Promise.race([work, end])
    done()
    return answer
  }
  const client: NomadClient = {
    place: 'http://fake',
    get,
    async stream(_query: Query, hear, signal) {
      await null
      if (!streamable || fault || signal.aborted) return unreachable
      open++
      const ended = Promise.withResolvers<PilotError>()
      const one = { hear, end: ended.resolve }
      streams.add(one)
      const close = () => {
        if (streams.delete(one)) open--
        ended.resolve(unreachable)
      }
      signal.addEventListener('abort', close, { once: true })
      hear('{}')
      const error = await ended.promise
      close()
      return error
    },
    close() {},
  }

  function put(next: Map<string, Json>): void {
    const events: Json[] = []
    const at = index + 1
    for (const [id, r] of registrations)
      if (!next.has(id))
        events.push({ Topic: 'Service', Type: 'ServiceDeregistration', Index: at, Payload: { Service: r } })
    for (const [id, r] of next) {
      const before = registrations.get(id)
      const same =
        before && JSON.stringify({ ...before, ModifyIndex: 0 }) === JSON.stringify({ ...r, ModifyIndex: 0 })
      r.ModifyIndex = same ? before.ModifyIndex : at
      if (!same)
        events.push({ Topic: 'Service', Type: 'ServiceRegistration', Index: at, Payload: { Service: r } })
    }
    if (events.length === 0) return
    index = at
    registrations = next
    wake()
    emit(events)
  }

  return {
    client,
    asked,
    open: () => open,
    /** Exactly these are registered. */
    register(all: readonly FakeRegistration[]): void {
      put(
        new Map(
          all.map((r) => {
            const alloc = r.alloc ?? `alloc-${r.name}-${r.address}`
            const one = {
              ID: `_nomad-task-${alloc}-${r.name}-${r.port ?? 8080}`,
              ServiceName: r.name,
              Namespace: r.namespace ?? 'default',
              NodeID: r.node ?? 'n1',
              Datacenter: r.datacenter ?? 'dc1',
              JobID: r.job ?? r.name,
              AllocID: alloc,
              Tags: r.tags ?? [],
              Address: r.address,
              Port: r.port ?? 8080,
              CreateIndex: 1,
              ModifyIndex: 0,
            }
            return [one.ID, one]
          }),
        ),
      )
    },
    allocation(allocation: Json): void {
      index++
      const full = { Namespace: 'default', ClientStatus: 'running', DesiredStatus: 'run', ...allocation }
      full.ModifyIndex = index
      allocations = [...allocations.filter((a) => a.ID !== full.ID), full]
      wake()
      emit([{ Topic: 'Allocation', Index: index, Payload: { Allocation: full } }])
    },
    node(node: Json): void {
      index++
      nodes = [...nodes.filter((n) => n.ID !== node.ID), { Status: 'ready', CreateIndex: 3, ...node }]
      wake()
      emit([{ Topic: 'Node', Index: index, Payload: { Node: node } }])
    },
    job: (id: string, interval: number | undefined): void => void jobs.set(id, jobWith(id, interval)),
    checks: (alloc: string, found: Json): void => void checks.set(alloc, found),
    /** Something else of the cluster moves on. */
    touch(): void {
      index++
      wake()
    },
    /** A server without data: its indexes begin anew. */
    reset(at = 5): void {
      index = at
      registrations = new Map()
      nodes = nodes.map((n) => ({ ...n, CreateIndex: at }))
      for (const { end } of [...streams]) end(unreachable)
      wake()
    },
    setIndex(at: number): void {
      index = at
    },
    /** Answers in Nomad's place, until it is undefined. */
    fault(next: typeof fault): void {
      fault = next
      if (next) for (const { end } of [...streams]) end(unreachable)
      wake()
    },
    /** Ends what streams there are, and lets no new one be. */
    streamable(on: boolean): void {
      streamable = on
      if (!on) for (const { end } of [...streams]) end(unreachable)
    },
    /** Changes without a word of the stream. */
    silently(change: () => void): void {
      const kept = [...streams]
      streams.clear()
      change()
      for (const each of kept) streams.add(each)
    },
    unreachable: (): Answer => ({ ok: false, error: unreachable }),
    streams: () => streams.size,
  }
}

export const status = (code: number, text = 'no'): Answer => ({
  ok: false,
  status: code,
  error: registryError(codeOfStatus(code), `http://fake: status ${code}, "${text}".`),
})

const jobWith = (id: string, interval: number | undefined) => ({
  ID: id,
  TaskGroups: [
    {
      Services: [
        {
          Name: id,
          Provider: 'nomad',
          Checks: interval === undefined ? null : [{ Interval: interval * 1e6 }],
        },
      ],
      Tasks: [{ Services: null }],
    },
  ],
})
