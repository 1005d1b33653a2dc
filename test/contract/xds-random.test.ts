/**
 * Random histories: whatever happens, once all is quiet each client holds exactly what it wants, nothing is
 * warming for ever, and no route ever names a cluster that the client lacks.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Resource, TypeUrl } from '#xds/resources.ts'
import { createMemorySource, type MemorySource } from '#xds/server/memory.ts'
import { typeUrls } from '#xds/type-urls.ts'
import {
  createClient,
  isWanted,
  type Message,
  r,
  type TestClient,
  variantName,
  variants,
} from './xds-client.ts'

const { cluster: CDS, endpoint: EDS, listener: LDS, route: RDS } = typeUrls
const types = [CDS, EDS, LDS, RDS]
/** More when looked for trouble: RUNS=5000. */
const runs = Number(process.env.RUNS ?? 150)
const names = ['a', 'b', 'c', 'xdstp:/t/x/d', 'xdstp:/t/x/e', 'xdstp:/t/y/f']
const collection = 'xdstp:/t/x/*'

const typeUrl = fc.constantFrom(...types)
const someNames = fc.uniqueArray(fc.constantFrom(...names, '*', collection), { minLength: 1, maxLength: 4 })
const change = fc.record({
  typeUrl,
  name: fc.constantFrom(...names),
  /** 'bad' is refused by the client; undefined = removed. */
  content: fc.constantFrom('1', '2', '3', 'bad', undefined),
})

type Step =
  | { readonly do: 'change'; readonly changes: readonly Change[] }
  | { readonly do: 'subscribe' | 'unsubscribe'; readonly typeUrl: TypeUrl; readonly names: readonly string[] }
  | { readonly do: 'answer'; readonly count: number }
  | { readonly do: 'transport' | 'reconnect' }
interface Change {
  readonly typeUrl: TypeUrl
  readonly name: string
  readonly content: string | undefined
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('change' as const),
      changes: fc.array(change, { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('subscribe' as const), typeUrl, names: someNames }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unsubscribe' as const), typeUrl, names: someNames }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('answer' as const), count: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('transport' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reconnect' as const) }) },
)

const toResource = ({ typeUrl, name, content }: Change): Resource =>
  r(typeUrl, name, content!, typeUrl === CDS || typeUrl === LDS ? [name] : [])

function applyChanges(source: MemorySource, changes: readonly Change[]): void {
  // The last word on a name counts.
  const last = new Map(changes.map((each) => [`${each.typeUrl} ${each.name}`, each]))
  source.update('n1', ...[...last.values()].filter(({ content }) => content !== undefined).map(toResource))
  for (const { typeUrl, name, content } of last.values())
    if (content === undefined) source.remove('n1', typeUrl, name)
}

const isBad = ({ contents }: Message): boolean => [...contents.values()].includes('bad')

/** Takes or refuses the oldest message; `named` = the refusal names what is bad, as Envoy's mostly does. */
function answer(client: TestClient, named: boolean): void {
  const message = client.inbox[0]
  if (message === undefined || !isBad(message)) {
    client.ack()
    return
  }
  const bad = [...message.contents].filter(([, content]) => content === 'bad').map(([name]) => name)
  client.nack(named ? `bad: ${bad.join(', ')}` : 'BAD')
}

function play(client: TestClient, source: MemorySource, one: Step, named: boolean): void {
  if (one.do === 'change') applyChanges(source, one.changes)
  else if (one.do === 'subscribe') client.subscribe(one.typeUrl, ...one.names)
  else if (one.do === 'unsubscribe') {
    if (client.wants.has(one.typeUrl)) client.unsubscribe(one.typeUrl, ...one.names)
  } else if (one.do === 'answer') for (let i = 0; i < one.count; i++) answer(client, named)
  else if (one.do === 'transport') client.drainTransport()
  else client.reconnect()
}

/** Lets everything come to rest; fails if it doesn't. */
function settle(client: TestClient, named: boolean): void {
  for (let i = 0; i < 200; i++) {
    client.drainTransport()
    if (client.inbox.length === 0) return
    answer(client, named)
  }
  assert.fail(`no rest: ${client.log.slice(-10).join('; ')}`)
}

function checkHeld(client: TestClient, source: MemorySource, sotw: boolean): void {
  const set = source.get('n1')
  for (const [typeUrl, want] of client.wants) {
    const { wildcard, names, held } = want
    const wanted = new Map<string, string>()
    for (const { name, bytes } of set.all(typeUrl)) {
      if (isWanted(want, name)) wanted.set(name, Buffer.from(bytes).toString().split('=')[1]!)
    }
    // Nobody can tell a client of the state of the world that such a resource is gone.
    const silent = sotw && (typeUrl === EDS || typeUrl === RDS)
    const actual = new Map([...held].filter(([name]) => !silent || wanted.has(name)))
    assert.deepEqual(
      new Map([...actual].sort()),
      new Map([...wanted].sort()),
      `${typeUrl}\n${client.log.join('\n')}`,
    )
    if (names.size > 0 || wildcard) {
      assert.deepEqual(client.heldByServer(typeUrl), [...wanted.keys()].sort())
      assert.equal(client.status(typeUrl)?.status, 'SYNCED')
    }
  }
}

/** No cluster or listener waits for endpoints or routes that exist and that the client asked for. */
function checkWarm(client: TestClient, source: MemorySource): void {
  for (const [parent, child] of [
    [CDS, EDS],
    [LDS, RDS],
  ] as const) {
    const want = client.wants.get(child)
    const cold = [...(client.warming.get(parent) ?? [])].filter(
      (name) => want && isWanted(want, name) && source.get('n1').get(child, name),
    )
    assert.deepEqual(cold, [], `still warming ${parent}: ${client.log.join('; ')}`)
  }
}

for (const variant of variants) {
  test(`after quiet the client holds what it wants: ${variantName(variant)}`, () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), fc.boolean(), (steps, slow, named) => {
        const source = createMemorySource()
        const client = createClient(variant, source, { slow })
        for (const one of steps) play(client, source, one, named)
        settle(client, named)
        for (const typeUrl of types) {
          for (const { name, bytes } of source.get('n1').all(typeUrl)) {
            if (Buffer.from(bytes).toString().endsWith('bad'))
              applyChanges(source, [{ typeUrl, name, content: 'good' }])
          }
        }
        settle(client, named)
        checkHeld(client, source, variant.protocol === 'sotw')
        if (variant.aggregated) checkWarm(client, source)
        assert.deepEqual(client.failures, [])
        client.close()
      }),
      { numRuns: runs },
    )
  })
}

/** All that there is at one time: clusters by name, and users (listeners, routes) of one existing cluster each. */
const world = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...names), fc.constantFrom('1', '2')), {
    selector: ([name]) => name,
    minLength: 1,
  })
  .chain((clusters) => {
    const user = fc.record({
      typeUrl: fc.constantFrom(LDS, RDS),
      name: fc.constantFrom(...names),
      uses: fc.constantFrom(...clusters.map(([name]) => name)),
    })
    return fc.record({ clusters: fc.constant(clusters), users: fc.array(user, { maxLength: 6 }) })
  })

for (const protocol of ['sotw', 'delta'] as const) {
  test(`no listener or route ever names a cluster that the client lacks: ${protocol}`, () => {
    const turns = fc.array(fc.tuple(world, fc.integer({ min: 0, max: 3 }), fc.boolean()), { maxLength: 15 })
    fc.assert(
      fc.property(turns, fc.boolean(), (worlds, slow) => {
        const source = createMemorySource()
        const client = createClient({ protocol, aggregated: true }, source, { slow })
        for (const typeUrl of types) client.subscribe(typeUrl, '*')
        settle(client, true)
        const takeOne = (): void => {
          client.ack()
          checkUses(client, protocol)
        }
        for (const [{ clusters, users }, acks, taken] of worlds) {
          source.set('n1', [
            ...clusters.map(([name, content]) => r(CDS, name, content, [name])),
            ...clusters.map(([name]) => r(EDS, name, '1')),
            ...new Map(
              users.map((user) => [
                `${user.typeUrl} ${user.name}`,
                r(user.typeUrl, user.name, `>${user.uses}`),
              ]),
            ).values(),
          ])
          for (let i = 0; i < acks; i++) takeOne()
          if (taken) client.drainTransport()
        }
        for (let i = 0; i < 100; i++) {
          takeOne()
          client.drainTransport()
        }
        checkHeld(client, source, protocol === 'sotw')
        client.close()
      }),
      { numRuns: runs },
    )
  })
}

function checkUses(client: TestClient, protocol: string): void {
  const clusters = client.wants.get(CDS)!.held
  // Nobody tells a client of the state of the world that a route is gone.
  for (const typeUrl of protocol === 'sotw' ? [LDS] : [LDS, RDS]) {
    for (const [name, content] of client.wants.get(typeUrl)!.held) {
      assert.ok(clusters.has(content.slice(1)), `${name} uses ${content}: ${client.log.join('; ')}`)
    }
  }
}
