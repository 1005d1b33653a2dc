/** A Consul in memory behind the ConsulClient interface: blocking queries, indexes, faults. For quick tests. */
import {
  type ConsulAnswer,
  type ConsulClient,
  ConsulFailure,
  type ConsulRequest,
} from '#registries/consul/answer.ts'
import { registryError } from '#registries/trouble.ts'

export interface FakeInstance {
  readonly id: string
  readonly service: string
  readonly node: string
  readonly address?: string
  readonly port?: number
  readonly tags?: readonly string[]
  readonly meta?: Readonly<Record<string, string>>
  readonly kind?: string
}
export interface FakeCheck {
  readonly id: string
  readonly node: string
  readonly status: string
  /** Instance id; absent: of the node. */
  readonly instance?: string
}

export function fakeConsul() {
  let index = 10
  let leader = true
  let history = 'a'
  const instances = new Map<string, FakeInstance>()
  const nodes = new Map<string, { address: string; id: string }>()
  const checks = new Map<string, FakeCheck>()
  /** By table or service: the index of its last change. */
  const indexes = new Map<string, number>()
  const waiting = new Set<() => void>()
  const asked: string[] = []
  let fault:
    | ((request: ConsulRequest, answer: ConsulAnswer) => ConsulAnswer | Error | 'never' | undefined)
    | undefined
  let clients = 0

  const at = (key: string) => indexes.get(key) ?? 10
  const touch = (...keys: string[]) => {
    index++
    for (const key of keys) indexes.set(key, index)
    for (const wake of [...waiting]) wake()
  }
  const servicesOn = (node: string) =>
    [...instances.values()].filter((i) => i.node === node).map((i) => `service:${i.service}`)

  function content(path: string): { index: number; value: unknown } {
    const [, , second, third] = path.split('/')
    if (path === '/catalog/services') {
      const names: Record<string, string[]> = { consul: [] }
      for (const { service, tags = [] } of instances.values())
        names[service] = [...new Set([...(names[service] ?? []), ...tags])]
      return { index: at('services'), value: names }
    }
    if (path === '/catalog/nodes')
      return {
        index: at('nodes'),
        value: [...nodes].map(([Node, { address, id }]) => ({ Node, ID: id, Address: address })),
      }
    if (second === 'state')
      return {
        index: at('checks'),
        value: [...checks.values()].filter((c) => c.status === third).map(checkOf),
      }
    if (second === 'service') {
      const name = decodeURIComponent(third!)
      return { index: at(`service:${name}`), value: entriesOf(name) }
    }
    if (path === '/internal/ui/services') return { index, value: summaries() }
    throw new Error(`no such path ${path}`)
  }
  const checkOf = ({ id, node, status, instance }: FakeCheck) => ({
    CheckID: id,
    Node: node,
    Status: status,
    ServiceID: instance ?? '',
    ServiceName: instance === undefined ? '' : (instances.get(instance)?.service ?? ''),
  })
  const entriesOf = (name: string) =>
    [...instances.values()]
      .filter((i) => i.service === name)
      .map((i) => ({
        Node: { Node: i.node, ID: nodes.get(i.node)!.id, Address: nodes.get(i.node)!.address },
        Service: {
          ID: i.id,
          Service: name,
          Address: i.address ?? '',
          Port: i.port ?? 80,
          Tags: i.tags ?? [],
          Meta: i.meta ?? {},
          ...(i.kind && { Kind: i.kind }),
          Weights: { Passing: 1, Warning: 1 },
        },
        Checks: [...checks.values()]
          .filter((c) => c.node === i.node && (c.instance === undefined || c.instance === i.id))
          .map(checkOf),
      }))
  const summaries = () =>
    [...new Set([...instances.values()].map((i) => i.service))].map((Name) => {
      const own = entriesOf(Name)
      return { Name, InstanceCount: own.length, Nodes: [...new Set(own.map((e) => e.Node.Node))] }
    })

  async function get(request: ConsulRequest): Promise<ConsulAnswer> {
    const { path, query = {}, signal } = request
    asked.push(query.index === undefined ? path : `${path}?index=${query.index}`)
    await Promise.resolve()
    const wanted = Number(query.index ?? 0)
    const deadline = Date.now() + (Number.parseInt(query.wait ?? '0', 10) || 0)
    for (;;) {
      signal.throwIfAborted()
      const { index: now, value } = content(path)
      const answer: ConsulAnswer = {
        status: 200,
        text: JSON.stringify(value),
        index: now,
        knownLeader: leader,
        filtered: false,
        lastContact: 0,
      }
      const spoilt = fault?.(request, answer)
      if (spoilt instanceof Error) throw spoilt
      if (spoilt !== 'never') {
        if (spoilt) return spoilt
        if (wanted === 0 || now !== wanted) return answer
        if (Date.now() >= deadline) return answer
      }
      await woken(signal, spoilt === 'never' ? request.timeout : deadline - Date.now())
      if (spoilt === 'never') throw lost()
    }
  }
  const woken = (signal: AbortSignal, ms: number) =>
    new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer)
        waiting.delete(end)
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, Math.max(1, ms))
      waiting.add(end)
      signal.addEventListener('abort', end)
    })

  return {
    connect: (): ConsulClient => {
      clients++
      return { get, close: () => void clients-- }
    },
    /** Paths of all questions so far. */
    asked,
    open: () => clients + waiting.size,
    node(name: string, address: string) {
      const known = nodes.get(name)
      nodes.set(name, { address, id: known?.id ?? `${history}-${name}` })
      touch('nodes', ...servicesOn(name))
    },
    register(instance: FakeInstance) {
      if (!nodes.has(instance.node))
        nodes.set(instance.node, { address: '10.9.9.9', id: `${history}-${instance.node}` })
      instances.set(instance.id, instance)
      touch('services', `service:${instance.service}`)
    },
    deregister(id: string) {
      const instance = instances.get(id)!
      instances.delete(id)
      for (const [key, check] of checks) if (check.instance === id) checks.delete(key)
      touch('services', 'checks', `service:${instance.service}`)
    },
    check(check: FakeCheck) {
      checks.set(`${check.node} ${check.id}`, check)
      const service =
        check.instance === undefined ? [] : [`service:${instances.get(check.instance)!.service}`]
      touch('checks', ...service, ...(check.instance === undefined ? servicesOn(check.node) : []))
    },
    /** Something else was written. */
    write: () => touch('kv'),
    instances: () => [...instances.values()],
    leader(has: boolean) {
      leader = has
    },
    /** Restarted without its data; its indexes begin at `from`. */
    lose(from: number) {
      instances.clear()
      nodes.clear()
      checks.clear()
      indexes.clear()
      history += 'a'
      index = from
      nodes.set('server', { address: '127.0.0.1', id: `${history}-server` })
      touch('services', 'nodes', 'checks')
    },
    /** What becomes of each answer; undefined: nothing. */
    fault(spoil: typeof fault) {
      fault = spoil
      for (const wake of [...waiting]) wake()
    },
  }
}

export const lost = () => new ConsulFailure(registryError('PH3001', 'Consul is away.'))
