import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ChangeSet, MeshSnapshot } from '#model/mesh.ts'
import {
  type Endpoint,
  type Labels,
  type Service,
  type ServicePort,
  serviceKey,
  type Workload,
  workloadKey,
} from '#model/service.ts'
import { sameContent } from '#support/equal.ts'
import { initialState, type MergeState, reduce, type SourceId } from '../../src/mesh/merge.ts'
import type { MeshOptions } from '../../src/mesh/precedence.ts'
import type { MergeEvent } from '../../src/mesh/said.ts'
import { configObject, delta, endpoint, full, outage, partial, service, workload } from './fakes.ts'
import { referenceMerge } from './reference.ts'

const registries = ['a', 'b', 'c']
const configs = ['files', 'kv']
const names = [...registries, ...configs]
const sources: readonly SourceId[] = [
  ...registries.map((name) => ({ name, kind: 'fake', role: 'registry' as const })),
  ...configs.map((name) => ({ name, kind: 'fake', role: 'config' as const })),
]
const options: MeshOptions = {
  aliases: [{ host: 'h0.test', joins: ['alias.test'] }],
  failover: ['h1.test'],
  startupGrace: 30_000,
  removalDelay: 0,
  flapping: false,
}
const at = new Date(0)

const oneOf = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const addresses = oneOf('10.0.0.1', '10.0.0.2', '10.0.0.3', 'name.test')
const labels = fc.record({ app: oneOf('x', 'y'), version: oneOf('v1', 'v2') }, { requiredKeys: [] })
const ports = fc.uniqueArray(
  fc.record({
    name: oneOf('http', 'web', 'grpc'),
    port: oneOf(80, 8080, 9090),
    protocol: oneOf('HTTP' as const, 'TCP' as const),
    targetPort: oneOf(undefined, 8080),
  }),
  { selector: ({ name }) => name, minLength: 1, maxLength: 2 },
)
const endpoints = (registry: string) =>
  fc.array(
    fc
      .record({
        address: addresses,
        health: oneOf('HEALTHY' as const, 'UNHEALTHY' as const),
        ports: oneOf<Record<string, number>>({}, { http: 8080 }, { web: 81, grpc: 9000 }),
      })
      .map(({ address, ...more }) => endpoint(address, { registry, ...more })),
    { maxLength: 3 },
  )
const services = (registry: string): fc.Arbitrary<Service> =>
  fc
    .record({
      hostname: oneOf('h0.test', 'h1.test', 'alias.test'),
      namespace: oneOf('n0', 'n1'),
      exportTo: oneOf(['*'], ['.'], ['.', 'other']),
      ports,
      resolution: oneOf('STATIC' as const, 'DNS' as const),
      addresses: oneOf([], ['240.0.0.1'], ['240.0.0.2']),
      selector: oneOf<Labels | undefined>(undefined, { app: 'x' }, { app: 'y', version: 'v1' }),
      createdAt: oneOf(undefined, '2026-01-01T00:00:00Z', '2025-01-01T00:00:00Z'),
      endpoints: endpoints(registry),
    })
    .map(({ hostname, endpoints: list, ...more }) => service(hostname, registry, list, more))
const workloads = (registry: string): fc.Arbitrary<Workload> =>
  fc
    .record({ address: addresses, namespace: oneOf('n0', 'n1'), workload: oneOf('w0', 'w1', 'w2'), labels })
    .map(({ address, ...more }) => workload(address, { registry, ...more }))

const registryEvent = (source: string): fc.Arbitrary<MergeEvent> => {
  const said = {
    services: fc.array(services(source), { maxLength: 4 }),
    workloads: fc.array(workloads(source), { maxLength: 3 }),
  }
  const parts = fc.record({
    ...said,
    gone: fc.array(services(source), { maxLength: 2 }),
    goneWorkloads: fc.array(workloads(source), { maxLength: 2 }),
  })
  const update = fc.oneof(
    fc.record(said).map((all) => full(all.services, all.workloads)),
    fc.record(said).map((all) => partial(all.services, all.workloads)),
    parts.map((all) =>
      delta({
        changed: all.services,
        changedWorkloads: all.workloads,
        removed: all.gone
          .map(serviceKey)
          .filter((key) => !all.services.some((one) => serviceKey(one) === key)),
        removedWorkloads: all.goneWorkloads
          .map(workloadKey)
          .filter((key) => !all.workloads.some((one) => workloadKey(one) === key)),
      }),
    ),
    fc.constant({ kind: 'trouble' as const, error: outage, since: at }),
  )
  return update.map((one) => ({ role: 'registry', source, at, update: one }))
}
const configEvent = (source: string): fc.Arbitrary<MergeEvent> => {
  const objects = fc
    .record({ name: oneOf('v0', 'v1', 'v2'), spec: oneOf(1, 2) })
    .map(({ name, spec }) => configObject(name, { spec }, { origin: { source, object: name } }))
  const list = fc.uniqueArray(objects, { maxLength: 3, selector: ({ name }) => name })
  return fc
    .oneof(
      list.map((all) => ({ kind: 'full' as const, objects: all, issues: [] })),
      fc.tuple(list, oneOf('v0', 'v1', 'v2')).map(([changed, gone]) => ({
        kind: 'delta' as const,
        changed: changed.filter(({ name }) => name !== gone),
        removed: [`VirtualService/default/${gone}`],
        issues: [],
      })),
    )
    .map((update) => ({ role: 'config', source, at, update }))
}
const events = fc.array(fc.oneof(...registries.map(registryEvent), ...configs.map(configEvent)), {
  maxLength: 12,
})

/** JSON has no undefined: equal to what any reader of the snapshot can tell apart. */
const content = (snapshot: Pick<MeshSnapshot, 'services' | 'configs'>): unknown =>
  JSON.parse(JSON.stringify([[...snapshot.services], [...snapshot.configs]]))

const explains = (before: MeshSnapshot, after: MeshSnapshot, changes: ChangeSet): void => {
  for (const key of new Set([
    ...before.services.keys(),
    ...after.services.keys(),
    ...changes.services.keys(),
  ])) {
    const [old, now] = [before.services.get(key), after.services.get(key)]
    const expected =
      now === undefined
        ? 'removed'
        : !sameContent(old?.attributes, now.attributes)
          ? 'attributes'
          : !sameContent(old, now)
            ? 'endpoints'
            : undefined
    assert.equal(changes.services.get(key), expected, key)
    if (expected === undefined) assert.equal(now, old, `${key} keeps its identity`)
    if (expected === 'endpoints') assert.equal(now!.attributes, old!.attributes)
    if (sameContent(old?.endpoints, now?.endpoints)) assert.equal(now?.endpoints, old?.endpoints)
  }
  for (const key of new Set([...before.configs.keys(), ...after.configs.keys()])) {
    const same = before.configs.get(key) === after.configs.get(key)
    assert.equal(changes.configs.has(key), !same, key)
  }
}

const run = (list: readonly MergeEvent[], settings = options): MergeState =>
  list.reduce((state, event) => reduce(state, event).state, initialState(sources, settings))

test('any sequence of updates gives what a merge from scratch gives', () => {
  fc.assert(
    fc.property(events, (list) => {
      assert.deepEqual(content(run(list).snapshot), content(referenceMerge(names, list, options)))
    }),
    { numRuns: 300 },
  )
})

/** Few names and many words on the same endpoint, from registries that come and go. */
const crowded = (source: string): fc.Arbitrary<MergeEvent> => {
  const healths = fc.array(oneOf('HEALTHY' as const, 'UNHEALTHY' as const, 'DRAINING' as const), {
    maxLength: 2,
  })
  const parts = { own: healths, picked: healths, picks: fc.boolean(), whole: fc.boolean() }
  const all = fc.record(parts).map((one) => {
    const instance = (health: Endpoint['health']): Endpoint =>
      endpoint('10.0.0.1', { registry: source, health })
    const selector = one.picks ? { app: 'x' } : undefined
    const word = one.whole ? full : partial
    return word(
      one.own.length + Number(one.picks) === 0
        ? []
        : [service('h0.test', source, one.own.map(instance), { selector })],
      one.picked.map((health, index) =>
        workload('10.0.0.1', { registry: source, health, workload: `w${index}`, labels: { app: 'x' } }),
      ),
    )
  })
  const away = fc.constant({ kind: 'trouble' as const, error: outage, since: at })
  return fc
    .oneof({ weight: 2, arbitrary: all }, { weight: 1, arbitrary: away }, fc.constant(delta({})))
    .map((update) => ({ role: 'registry', source, at, update }))
}

test('many words on one endpoint, from registries that come and go, give what a merge from scratch gives', () => {
  const list = fc.array(fc.oneof(...registries.map(crowded)), { maxLength: 12 })
  fc.assert(
    fc.property(list, (all) => {
      assert.deepEqual(content(run(all).snapshot), content(referenceMerge(names, all, options)))
    }),
    { numRuns: 300 },
  )
})

test('a change set explains every difference and nothing more', () => {
  fc.assert(
    fc.property(events, (list) => {
      let state = initialState(sources, options)
      for (const event of list) {
        const { state: next, changes } = reduce(state, event)
        const frozen = content(state.snapshot)
        explains(state.snapshot, next.snapshot, changes)
        assert.deepEqual(content(state.snapshot), frozen)
        state = next
      }
    }),
    { numRuns: 300 },
  )
})

test('the order in which sources speak does not matter', () => {
  fc.assert(
    fc.property(events, fc.array(fc.nat(), { minLength: 12, maxLength: 12 }), (list, dice) => {
      const queues = names.map((name) => list.filter(({ source }) => source === name))
      const shuffled: MergeEvent[] = []
      for (let step = 0; shuffled.length < list.length; step++) {
        const waiting = queues.filter((queue) => queue.length > 0)
        shuffled.push(waiting[dice[step]! % waiting.length]!.shift()!)
      }
      assert.deepEqual(content(run(shuffled).snapshot), content(run(list).snapshot))
    }),
    { numRuns: 200 },
  )
})

test('an update said twice changes nothing the second time', () => {
  fc.assert(
    fc.property(events, (list) => {
      let state = initialState(sources, options)
      for (const event of list) {
        const once = reduce(state, event).state
        const copy = { ...event, update: structuredClone(event.update) } as MergeEvent
        const twice = reduce(once, copy)
        assert.deepEqual([twice.changed, twice.touched], [false, 0])
        state = twice.state
      }
    }),
    { numRuns: 100 },
  )
})

test('damped removals show no endpoint that is gone, and end where undamped ones end', () => {
  const shown = ({ services }: Pick<MeshSnapshot, 'services'>): Set<string> =>
    new Set(
      [...services].flatMap(([key, one]) => one.endpoints.map((e) => `${key} ${e.registry} ${e.address}`)),
    )
  const later = new Date(at.getTime() + 300)
  fc.assert(
    fc.property(events, (list) => {
      const damped = run(list, { ...options, removalDelay: 300 })
      const undamped = run(list)
      for (const [key, { services }] of damped.said)
        for (const [id, one] of services)
          if (!undamped.said.get(key)!.services.has(id))
            assert.deepEqual([one.endpoints, one.selector], [[], undefined])
      if ([...damped.said.values()].every(({ wake }) => wake === undefined))
        assert.deepEqual(shown(damped.snapshot), shown(undamped.snapshot))
      const settled = registries.reduce((state, source) => {
        const tick: MergeEvent = { role: 'registry', source, at: later, update: { kind: 'tick' } }
        const next = reduce(state, tick)
        explains(state.snapshot, next.state.snapshot, next.changes)
        return next.state
      }, damped)
      assert.deepEqual(content(settled.snapshot), content(undamped.snapshot))
      assert.ok([...settled.said.values()].every(({ wake }) => wake === undefined))
    }),
    { numRuns: 200 },
  )
})

type Served = readonly [place: string, port: string, number: number]

/** Which address answers which merged port at which number, by the rules' words: ports meet by name, else number. */
const expected = (
  kept: readonly Service[],
): { readonly ports: ServicePort[]; readonly served: Set<string> } => {
  const ports: ServicePort[] = []
  const plans = kept.map((one) => {
    const earlier = [...ports]
    const own = new Map<string, ServicePort>()
    for (const port of one.ports) if (earlier.some(({ name }) => name === port.name)) own.set(port.name, port)
    for (const port of one.ports.filter(({ name }) => !own.has(name))) {
      const meets = earlier.find((other) => other.port === port.port)
      if (meets === undefined) ports.push(port)
      if (meets === undefined || !own.has(meets.name)) own.set(meets?.name ?? port.name, port)
    }
    return own
  })
  const all = kept.flatMap((one, index) =>
    one.endpoints.flatMap(({ address, ports: stated }) =>
      ports.flatMap(({ name }): Served[] => {
        const port = plans[index]!.get(name)
        if (port !== undefined) return [[address, name, stated[port.name] ?? port.targetPort ?? port.port]]
        const foreign = !one.ports.some((mine) => mine.name === name) && stated[name]
        return foreign ? [[address, name, foreign]] : []
      }),
    ),
  )
  return { ports, served: new Set(all.map((entry) => entry.join(' '))) }
}

test('each address is dialled at the port that its own registry says, and counted once', () => {
  const contributors = fc.tuple(...registries.map((name) => services(name)))
  fc.assert(
    fc.property(contributors, (list) => {
      const plain = list.map((one) => ({
        ...one,
        hostname: 'x.test',
        exportTo: ['*'],
        resolution: 'DNS' as const,
        selector: undefined,
      }))
      const said = plain.map(
        (one, index): MergeEvent => ({
          role: 'registry',
          source: registries[index]!,
          at,
          update: full([one]),
        }),
      )
      const { attributes, endpoints: merged } = run(said).snapshot.services.get('x.test')!
      const served = merged.flatMap(({ address, ports: stated }) =>
        attributes.ports.flatMap((port): Served[] => {
          const number = stated[port.name] ?? port.targetPort ?? port.port
          return number === 0 ? [] : [[address, port.name, number]]
        }),
      )
      const texts = served.map((one) => one.join(' '))
      assert.equal(new Set(texts).size, texts.length, 'once')
      assert.deepEqual(attributes.ports, expected(plain).ports)
      assert.deepEqual(texts.sort(), [...expected(plain).served].sort())
    }),
    { numRuns: 300 },
  )
})
