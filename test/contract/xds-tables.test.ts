/** What is said in which situation, in all four variants of the protocol. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { of, Subject, throwError } from 'rxjs'
import { silentLogger } from '#support/logger.ts'
import {
  DeltaDiscoveryRequestSchema,
  DiscoveryRequestSchema,
} from '#xds/proto/gen/envoy/service/discovery/v3/discovery_pb.js'
import { encode } from '#xds/proto/index.ts'
import { emptyResourceSet, withChanges, withMissing } from '#xds/resource-set.ts'
import type { Resource, ResourceUpdate, TypeUrl } from '#xds/resources.ts'
import { receiveDelta } from '#xds/server/delta.ts'
import { defaultLimits } from '#xds/server/limits.ts'
import { createMachine, nextResponse, patienceMs, receiveUpdate } from '#xds/server/machine.ts'
import { createMemorySource, type MemorySource } from '#xds/server/memory.ts'
import { openStream } from '#xds/server/stream.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { createClient, r, type TestClient, variantName, variants } from './xds-client.ts'

const { cluster: CDS, endpoint: EDS, listener: LDS, route: RDS, secret: SDS } = typeUrls

interface Said {
  readonly sotw: readonly string[]
  readonly delta: readonly string[]
}

interface Scene {
  readonly client: TestClient
  readonly source: MemorySource
  /** That these messages were sent since the last time it was asked, the same in all variants or by protocol. */
  said(...messages: string[]): void
  saidEither(messages: Said): void
}

interface Scenario {
  readonly name: string
  readonly only?: 'sotw' | 'delta' | 'aggregated'
  readonly missing?: (typeUrl: TypeUrl, name: string) => Resource | undefined
  play(scene: Scene): void
}

const scenarios: readonly Scenario[] = [
  {
    name: 'wildcard by an empty first request, then only what changed',
    play({ client, source, said, saidEither }) {
      source.update('n1', r(CDS, 'a', '1'), r(CDS, 'b', '1'))
      client.subscribeLegacy(CDS)
      said('cds: a b')
      client.ack()
      source.update('n1', r(CDS, 'a', '2'))
      saidEither({ sotw: ['cds: a b'], delta: ['cds: a'] })
      client.ack()
      source.remove('n1', CDS, 'a')
      saidEither({ sotw: ['cds: b'], delta: ['cds: -a'] })
      client.ack()
      assert.equal(client.status(CDS)?.status, 'SYNCED')
      assert.deepEqual(client.heldByServer(CDS), ['b'])
    },
  },
  {
    name: 'wildcard by "*", of any type',
    play({ client, source, said }) {
      source.update('n1', r(EDS, 'a', '1'))
      client.subscribe(EDS, '*')
      said('eds: a')
      client.ack()
      source.update('n1', r(EDS, 'b', '1'))
      said('eds: b')
    },
  },
  {
    name: 'wildcard of nothing is answered',
    play({ client, source, said }) {
      client.subscribeLegacy(CDS)
      said('cds:')
      client.ack()
      source.update('n1', r(CDS, 'a', '1'))
      said('cds: a')
    },
  },
  {
    name: 'an empty first request for a type that is always named asks for nothing, and is answered',
    play({ client, source, said }) {
      source.update('n1', r(EDS, 'a', '1'))
      client.raw(EDS, {})
      said('eds:')
    },
  },
  {
    name: 'explicit names: others are not sent',
    play({ client, source, said }) {
      source.update('n1', r(EDS, 'a', '1'), r(EDS, 'b', '1'))
      client.subscribe(EDS, 'a')
      said('eds: a')
      client.ack()
      source.update('n1', r(EDS, 'b', '2'))
      said()
      source.update('n1', r(EDS, 'a', '2'))
      said('eds: a')
    },
  },
  {
    name: 'explicit clusters, as gRPC asks',
    play({ client, source, said, saidEither }) {
      source.update('n1', r(CDS, 'a', '1'), r(CDS, 'b', '1'), r(CDS, 'c', '1'))
      client.subscribe(CDS, 'a')
      said('cds: a')
      client.ack()
      client.subscribe(CDS, 'b')
      saidEither({ sotw: ['cds: a b'], delta: ['cds: b'] })
      client.ack()
      source.update('n1', r(CDS, 'c', '2'))
      said()
      source.remove('n1', CDS, 'b')
      saidEither({ sotw: ['cds: a'], delta: ['cds: -b'] })
    },
  },
  {
    name: 'a name that does not exist is answered, and sent when it appears',
    play({ client, source, saidEither, said }) {
      client.subscribe(EDS, 'a')
      saidEither({ sotw: ['eds:'], delta: ['eds: -a'] })
      client.ack()
      source.update('n1', r(EDS, 'a', '1'))
      said('eds: a')
      client.ack()
      client.subscribe(EDS, 'z')
      saidEither({ sotw: ['eds:'], delta: ['eds: -z'] })
    },
  },
  {
    name: 'a name that does not exist may be said to be empty',
    missing: (typeUrl, name) => r(typeUrl, name, 'empty'),
    play({ client, source, said }) {
      client.subscribe(EDS, 'a')
      said('eds: a')
      client.ack()
      assert.equal(client.wants.get(EDS)?.held.get('a'), 'empty')
      source.update('n1', r(EDS, 'a', '1'))
      said('eds: a')
      client.ack()
      source.remove('n1', EDS, 'a')
      said('eds: a')
      client.ack()
      assert.equal(client.wants.get(EDS)?.held.get('a'), 'empty')
    },
  },
  {
    name: 'an unknown type is answered',
    play({ client, said }) {
      client.subscribe('type.googleapis.com/x.Y', '*')
      said('type.googleapis.com/x.Y:')
    },
  },
  {
    name: 'unsubscribe, and subscribe again',
    play({ client, source, said }) {
      source.update('n1', r(EDS, 'a', '1'), r(EDS, 'b', '1'))
      client.subscribe(EDS, 'a', 'b')
      said('eds: a b')
      client.ack()
      client.unsubscribe(EDS, 'a')
      source.update('n1', r(EDS, 'a', '2'))
      said()
      assert.deepEqual(client.heldByServer(EDS), ['b'])
      client.subscribe(EDS, 'a')
      said('eds: a')
      client.ack()
      client.unsubscribe(EDS, 'a', 'b')
      source.update('n1', r(EDS, 'a', '3'), r(EDS, 'b', '3'))
      said()
    },
  },
  {
    name: 'delta: a subscription to a name that is held sends it again',
    only: 'delta',
    play({ client, source, said }) {
      source.update('n1', r(EDS, 'a', '1'))
      client.subscribe(EDS, 'a')
      client.ack()
      client.subscribe(EDS, 'a')
      said('eds: a', 'eds: a')
    },
  },
  {
    name: 'sotw: the same request again is no news',
    only: 'sotw',
    play({ client, source, said }) {
      source.update('n1', r(EDS, 'a', '1'))
      client.subscribe(EDS, 'a')
      client.ack()
      client.subscribe(EDS, 'a')
      said('eds: a')
    },
  },
  {
    name: 'wildcard and names together, and each given up',
    play({ client, source, said, saidEither }) {
      source.update('n1', r(CDS, 'a', '1'), r(CDS, 'b', '1'))
      client.subscribe(CDS, '*')
      client.ack()
      client.subscribe(CDS, 'a', 'x')
      saidEither({ sotw: ['cds: a b', 'cds: a b'], delta: ['cds: a b', 'cds: a -x'] })
      client.ack()
      client.unsubscribe(CDS, 'x')
      saidEither({ sotw: ['cds: a b'], delta: ['cds: -x'] })
      client.ack()
      client.unsubscribe(CDS, '*')
      said()
      source.update('n1', r(CDS, 'b', '2'))
      said()
      source.update('n1', r(CDS, 'a', '2'))
      said('cds: a')
      client.ack()
      client.unsubscribe(CDS, 'a')
      source.update('n1', r(CDS, 'a', '3'))
      said()
      client.subscribe(CDS, '*')
      said('cds: a b')
    },
  },
  {
    name: 'one response in flight: what comes meanwhile is merged into the newest',
    play({ client, source, said }) {
      source.update('n1', r(EDS, 'a', '1'), r(EDS, 'b', '1'))
      client.subscribe(EDS, 'a', 'b')
      said('eds: a b')
      for (const content of ['2', '3', '4']) source.update('n1', r(EDS, 'a', content))
      source.update('n1', r(EDS, 'b', '4'))
      source.update('n1', r(EDS, 'b', '1'))
      said()
      assert.equal(client.status(EDS)?.status, 'STALE')
      client.ack()
      said('eds: a')
      client.ack()
      assert.equal(client.wants.get(EDS)?.held.get('a'), '4')
    },
  },
  {
    name: 'a new subscription while a response is in flight is answered after its ACK',
    play({ client, source, said }) {
      source.update('n1', r(EDS, 'a', '1'), r(EDS, 'b', '1'))
      client.subscribe(EDS, 'a')
      client.subscribe(EDS, 'b')
      said('eds: a')
      assert.deepEqual(client.heldByServer(EDS), ['a'], 'b was not sent yet')
      client.ack()
      said('eds: b')
      client.ack()
      said()
    },
  },
  {
    name: 'many types on one client',
    play({ client, source, said }) {
      for (const typeUrl of [CDS, EDS, LDS, RDS, SDS]) source.update('n1', r(typeUrl, 'a', '1'))
      for (const typeUrl of [CDS, EDS, LDS, RDS, SDS]) client.subscribe(typeUrl, 'a')
      said('cds: a', 'eds: a', 'lds: a', 'rds: a', 'sds: a')
      client.ackAll()
      source.update('n1', r(EDS, 'a', '2'))
      said('eds: a')
    },
  },
  {
    name: 'NACK: silence until the content differs, while others go on',
    play({ client, source, said }) {
      source.update('n1', r(EDS, 'a', '1'), r(EDS, 'b', '1'))
      client.subscribe(EDS, 'a', 'b')
      client.ack()
      source.update('n1', r(EDS, 'a', 'bad'))
      said('eds: a b', 'eds: a')
      client.nack('a is bad')
      said()
      const nack = client.status(EDS)?.nack
      assert.equal(client.status(EDS)?.status, 'NACKED')
      assert.deepEqual(nack?.resources, ['a'])
      assert.equal(nack?.message, 'a is bad')
      assert.ok(nack?.lastGoodVersion)
      source.update('n1', r(EDS, 'b', '2'))
      said('eds: b')
      client.ack()
      assert.equal(client.status(EDS)?.status, 'NACKED', 'b says nothing of a')
      source.update('n1', r(EDS, 'a', '3'))
      said('eds: a')
      client.ack()
      assert.equal(client.status(EDS)?.status, 'SYNCED')
      assert.equal(client.status(EDS)?.nack, undefined)
    },
  },
  {
    name: 'NACK: going back to what was good is sent',
    play({ client, source, said }) {
      source.update('n1', r(EDS, 'a', '1'))
      client.subscribe(EDS, 'a')
      client.ack()
      source.update('n1', r(EDS, 'a', 'bad'))
      client.nack('bad')
      source.update('n1', r(EDS, 'a', '1'))
      said('eds: a', 'eds: a', 'eds: a')
      client.ack()
      assert.equal(client.status(EDS)?.status, 'SYNCED')
    },
  },
  {
    name: 'NACK of clusters',
    play({ client, source, saidEither, said }) {
      source.update('n1', r(CDS, 'a', 'bad'), r(CDS, 'b', '1'))
      client.subscribeLegacy(CDS)
      client.nack('a is bad')
      said('cds: a b')
      source.update('n1', r(CDS, 'c', '1'))
      saidEither({ sotw: ['cds: a b c'], delta: ['cds: c'] })
      client.nack('still bad')
      source.update('n1', r(CDS, 'a', '2'))
      saidEither({ sotw: ['cds: a b c'], delta: ['cds: a b c'] })
      client.ack()
      assert.equal(client.status(CDS)?.status, 'SYNCED')
    },
  },
  {
    name: 'NACK: giving up the bad name brings what was refused with it',
    play({ client, source, said }) {
      source.update('n1', r(EDS, 'a', 'bad'), r(EDS, 'b', '1'))
      client.subscribe(EDS, 'a', 'b')
      client.nack('a is bad')
      said('eds: a b')
      client.unsubscribe(EDS, 'a')
      said('eds: b')
      client.ack()
      assert.equal(client.status(EDS)?.status, 'SYNCED')
    },
  },
  {
    name: 'a stale nonce is neither ACK nor NACK, but its names count',
    play({ client, source, said, saidEither }) {
      source.update('n1', r(EDS, 'a', '1'), r(EDS, 'b', '1'))
      client.subscribe(EDS, 'a')
      said('eds: a')
      const old = client.inbox[0]!.nonce
      client.ack()
      source.update('n1', r(EDS, 'a', '2'))
      said('eds: a')
      client.raw(EDS, { responseNonce: old, resourceNames: ['a'], errorDetail: { code: 3, message: 'old' } })
      client.raw(EDS, {
        responseNonce: 'never seen',
        resourceNames: ['a', 'b'],
        resourceNamesSubscribe: ['b'],
      })
      said()
      assert.equal(client.status(EDS)?.nack, undefined)
      client.wants.get(EDS)!.names.add('b')
      client.ack()
      saidEither({ sotw: ['eds: b'], delta: ['eds: b'] })
    },
  },
  {
    name: 'reconnect with known versions',
    play({ client, source, said, saidEither }) {
      source.update(
        'n1',
        r(CDS, 'a', '1'),
        r(CDS, 'b', '1'),
        r(CDS, 'c', '1'),
        r(EDS, 'a', '1'),
        r(EDS, 'b', '1'),
      )
      client.subscribe(CDS, '*')
      client.subscribe(EDS, 'a', 'b', 'x')
      client.ackAll()
      saidEither({ sotw: ['cds: a b c', 'eds: a b'], delta: ['cds: a b c', 'eds: a b -x'] })
      client.close()
      source.update('n1', r(CDS, 'a', '2'), r(CDS, 'd', '1'), r(EDS, 'b', '2'))
      source.remove('n1', CDS, 'c')
      client.reconnect()
      saidEither({ sotw: ['cds: a b d', 'eds: a b'], delta: ['cds: a -c d', 'eds: b -x'] })
      client.ackAll()
      client.reconnect()
      saidEither({ sotw: ['cds: a b d', 'eds: a b'], delta: ['cds:', 'eds: -x'] })
      client.ackAll()
      said()
    },
  },
  {
    name: 'order of additions, whatever the order of the changes',
    only: 'aggregated',
    play({ client, source, said }) {
      for (const typeUrl of [RDS, LDS, EDS, CDS, SDS]) client.subscribe(typeUrl, 'a')
      client.ackAll()
      client.log.length = 0
      source.update('n1', ...[SDS, RDS, LDS, EDS, CDS].map((typeUrl) => r(typeUrl, 'a', '1')))
      client.ackAll()
      said('cds: a', 'eds: a', 'sds: a', 'lds: a', 'rds: a')
    },
  },
  {
    name: 'routes wait for the clusters to be taken, endpoints do not',
    only: 'aggregated',
    play({ client, source, said }) {
      source.update('n1', ...[CDS, EDS, RDS].map((typeUrl) => r(typeUrl, 'a', '1')))
      for (const typeUrl of [CDS, EDS, RDS]) client.subscribe(typeUrl, 'a')
      client.ackAll()
      client.log.length = 0
      source.update('n1', r(CDS, 'a', '2'), r(RDS, 'a', '2'))
      said('cds: a')
      source.update('n1', r(EDS, 'a', '2'))
      said('eds: a')
      client.ack()
      said('rds: a')
    },
  },
  {
    name: 'a route asked for while the others wait is answered alone',
    only: 'aggregated',
    play({ client, source, said }) {
      source.update('n1', ...['a', 'b'].flatMap((name) => [r(CDS, name, '1'), r(RDS, name, '1')]))
      client.subscribe(CDS, 'a')
      client.subscribe(RDS, 'a')
      client.ackAll()
      source.update('n1', r(CDS, 'a', '2'), r(RDS, 'a', '2'))
      client.log.length = 0
      client.subscribe(RDS, 'b')
      said('rds: b')
      client.ackAll()
      said('rds: a')
    },
  },
  {
    name: 'a request is answered though the clusters are not taken yet',
    only: 'aggregated',
    play({ client, source, said }) {
      source.update('n1', ...[CDS, EDS, LDS, RDS].map((typeUrl) => r(typeUrl, 'a', '1')))
      for (const typeUrl of [CDS, EDS, LDS, RDS]) client.subscribe(typeUrl, 'a')
      said('cds: a', 'eds: a', 'lds: a', 'rds: a')
    },
  },
  {
    name: 'what is gone is removed after all additions, users first',
    only: 'aggregated',
    play({ client, source, saidEither, said }) {
      const all = (...names: string[]): Resource[] =>
        names.flatMap((name) => [CDS, EDS, LDS, RDS].map((typeUrl) => r(typeUrl, name, '1')))
      source.set('n1', all('a', 'b'))
      for (const typeUrl of [CDS, EDS, LDS, RDS]) client.subscribe(typeUrl, '*')
      client.ackAll()
      client.log.length = 0
      source.set('n1', all('a', 'c'))
      client.ackAll()
      saidEither({
        sotw: ['cds: a b c', 'eds: c', 'lds: a b c', 'rds: c', 'lds: a c', 'cds: a c'],
        delta: ['cds: c', 'eds: c', 'lds: c', 'rds: c', 'lds: -b', 'rds: -b', 'cds: -b', 'eds: -b'],
      })
      said()
      for (const typeUrl of [CDS, LDS])
        assert.deepEqual([...client.wants.get(typeUrl)!.held.keys()].sort(), ['a', 'c'])
      for (const typeUrl of [CDS, EDS, LDS, RDS]) assert.deepEqual(client.heldByServer(typeUrl), ['a', 'c'])
    },
  },
  {
    name: 'a changed cluster or listener brings its children again',
    only: 'aggregated',
    play({ client, source, said, saidEither }) {
      source.update(
        'n1',
        r(CDS, 'a', '1', ['ea']),
        r(EDS, 'ea', '1'),
        r(LDS, 'l', '1', ['rl']),
        r(RDS, 'rl', '1'),
      )
      client.subscribe(CDS, '*')
      client.subscribe(EDS, 'ea')
      client.subscribe(LDS, '*')
      client.subscribe(RDS, 'rl')
      client.ackAll()
      client.log.length = 0
      source.update('n1', r(CDS, 'a', '2', ['ea', 'unwanted']))
      client.ackAll()
      said('cds: a', 'eds: ea')
      source.update('n1', r(LDS, 'l', '2', ['rl']))
      client.ackAll()
      said('lds: l', 'rds: rl')
      source.update('n1', r(CDS, 'b', '1', []))
      client.ackAll()
      saidEither({ sotw: ['cds: a b'], delta: ['cds: b'] })
    },
  },
  {
    name: 'reconnect: the endpoints of a changed cluster are sent though the client has them',
    only: 'aggregated',
    play({ client, source, saidEither }) {
      source.update(
        'n1',
        r(CDS, 'a', '1', ['ea']),
        r(CDS, 'b', '1', ['eb']),
        r(EDS, 'ea', '1'),
        r(EDS, 'eb', '1'),
      )
      client.subscribe(CDS, '*')
      client.subscribe(EDS, 'ea', 'eb')
      client.ackAll()
      client.log.length = 0
      client.close()
      source.update('n1', r(CDS, 'a', '2', ['ea']))
      client.reconnect()
      client.ackAll()
      saidEither({ sotw: ['cds: a b', 'eds: ea eb'], delta: ['cds: a', 'eds: ea'] })
    },
  },
  {
    name: 'under constant change of clusters the routes still have their turn',
    only: 'aggregated',
    play({ client, source }) {
      source.update('n1', r(CDS, 'a', '0'), r(RDS, 'a', '0'))
      for (const typeUrl of [CDS, RDS]) client.subscribe(typeUrl, '*')
      client.ackAll()
      client.log.length = 0
      for (let step = 1; step <= 20; step++) {
        source.update('n1', r(CDS, 'a', String(step)), r(RDS, 'a', String(step)))
        client.ack()
      }
      assert.ok(client.log.filter((line) => line.startsWith('rds')).length >= 5, client.log.join('; '))
      client.ackAll()
      assert.equal(client.wants.get(CDS)?.held.get('a'), '20')
      assert.equal(client.wants.get(RDS)?.held.get('a'), '20')
    },
  },
  {
    name: 'sotw: a request without a nonce after an answer is answered in full',
    only: 'sotw',
    play({ client, source, said }) {
      source.update('n1', r(EDS, 'a', '1'), r(CDS, 'a', '1'))
      client.subscribe(EDS, 'a')
      client.subscribeLegacy(CDS)
      client.ackAll()
      client.raw(EDS, { resourceNames: ['a'] })
      client.raw(CDS, {})
      said('eds: a', 'cds: a', 'eds: a', 'cds: a')
      client.ackAll()
      client.unsubscribe(EDS, 'a')
      client.raw(EDS, {})
      said('eds:')
    },
  },
]

for (const variant of variants) {
  describe(variantName(variant), () => {
    for (const scenario of scenarios) {
      if (
        scenario.only === 'aggregated'
          ? !variant.aggregated
          : scenario.only && scenario.only !== variant.protocol
      ) {
        continue
      }
      test(scenario.name, () => {
        const source = createMemorySource({ missing: scenario.missing })
        const client = createClient(variant, source)
        const said = (...messages: string[]): void => {
          assert.deepEqual(client.log.splice(0), messages)
        }
        const saidEither = (messages: Said): void => said(...messages[variant.protocol])
        scenario.play({ client, source, said, saidEither })
        assert.deepEqual(client.failures, [])
        client.close()
      })
    }
  })
}

test('an idle subscription lets go of older sets', () => {
  const machine = createMachine('delta')
  let set = withChanges(emptyResourceSet, [r(CDS, 'a', '1'), r(EDS, 'a', '1')])
  receiveUpdate(machine, { resources: set, changed: 'all' })
  const first = { nonce: '', subscribe: ['a'], unsubscribe: [], initialVersions: {} }
  for (const typeUrl of [CDS, EDS]) {
    receiveDelta(machine, { ...first, typeUrl }, 0)
    const { nonce } = nextResponse(machine, 0)!
    receiveDelta(machine, { ...first, subscribe: [], typeUrl, nonce }, 0)
  }
  set = withChanges(set, [r(EDS, 'b', '1'), r(CDS, 'b', '1')])
  receiveUpdate(machine, {
    resources: set,
    changed: new Map([
      [EDS, new Set(['b'])],
      [CDS, new Set(['b'])],
    ]),
  })
  assert.equal(nextResponse(machine, 0), undefined)
  for (const sub of machine.subs) assert.equal(sub.base, set)
})

test('routes do not wait for ever for clusters that stay unacknowledged', () => {
  const source = createMemorySource()
  let clock = 0
  const waits: { ms: number; work: () => void }[] = []
  const wait = (ms: number, work: () => void): (() => void) => {
    const entry = { ms, work }
    waits.push(entry)
    return () => void waits.splice(waits.indexOf(entry), 1)
  }
  source.update('n1', r(CDS, 'a', '1'), r(RDS, 'a', '1'))
  const client = createClient({ protocol: 'delta', aggregated: true }, source, { now: () => clock, wait })
  for (const typeUrl of [CDS, RDS]) client.subscribe(typeUrl, 'a')
  client.ackAll()
  client.log.length = 0
  source.update('n1', r(CDS, 'a', '2'), r(RDS, 'a', '2'))
  assert.deepEqual(client.log, ['cds: a'])
  assert.deepEqual(
    waits.map(({ ms }) => ms),
    [patienceMs],
  )
  clock += patienceMs
  waits[0]!.work()
  assert.deepEqual(client.log, ['cds: a', 'rds: a'])
  client.close()
  assert.deepEqual(waits, [])
})

describe('a source', () => {
  test('that throws ends the stream, and no other', () => {
    const bad = withMissing(emptyResourceSet, () => {
      throw new Error('a fault')
    })
    const updates = of<ResourceUpdate>({ resources: bad, changed: 'all' })
    const client = createClient({ protocol: 'sotw', aggregated: true }, { connect: () => updates })
    client.subscribe(CDS, 'a')
    assert.deepEqual(client.failures, ['INTERNAL: internal error of this Pilot; its log has more'])
  })

  test('that is not ready yet: requests wait for it and are answered in order', () => {
    const updates = new Subject<ResourceUpdate>()
    const client = createClient({ protocol: 'delta', aggregated: true }, { connect: () => updates })
    for (const typeUrl of [RDS, LDS, EDS, CDS]) client.subscribe(typeUrl, 'a')
    assert.deepEqual(client.log, [])
    assert.equal(client.status(CDS)?.status, 'NOT SENT')
    const set = withChanges(emptyResourceSet, [r(CDS, 'a', '1'), r(RDS, 'a', '1')])
    updates.next({ resources: set, changed: 'all' })
    assert.deepEqual(client.log, ['cds: a', 'eds: -a', 'lds: -a', 'rds: a'])
    client.close()
    assert.equal(updates.observed, false)
  })

  test('that refuses the node, at once or later: the client is told why', () => {
    const variant = { protocol: 'sotw', aggregated: true } as const
    const client = createClient(variant, { connect: () => throwError(() => new Error('no such workload')) })
    client.subscribe(CDS, 'a')
    assert.deepEqual(client.failures, ['INVALID_ARGUMENT: no such workload'])
    const updates = new Subject<ResourceUpdate>()
    const later = createClient(variant, { connect: () => updates })
    later.subscribe(CDS, 'a')
    updates.error(new Error('workload is gone'))
    assert.deepEqual(later.failures, ['INVALID_ARGUMENT: workload is gone'])
  })
})

type Encode = (fields: { typeUrl?: string; node?: { id: string } }) => Buffer
const node = { id: 'n' }

/** What is wrong, the one type of the service, the request, what the client is told. */
const malformed: readonly (readonly [string, TypeUrl | undefined, (encode: Encode) => Buffer, RegExp])[] = [
  ['no node', undefined, (encode) => encode({ typeUrl: CDS }), /node\.id/],
  ['no type on an aggregated stream', undefined, (encode) => encode({ node }), /type_url/],
  ['another type than the service serves', CDS, (encode) => encode({ node, typeUrl: EDS }), /serves/],
  ['no protobuf', undefined, () => Buffer.from('not protobuf at all'), /not a discovery request/],
  ['cut off', CDS, (encode) => encode({ node, typeUrl: CDS }).subarray(0, -3), /not a discovery request/],
  // Field 3 of both requests: names.
  ['a name that is no UTF-8', CDS, () => Buffer.from([0x1a, 2, 0xff, 0xfe]), /not a discovery request/],
]

describe('malformed requests end the stream with a clear text', () => {
  for (const protocol of ['sotw', 'delta'] as const) {
    const schema = protocol === 'sotw' ? DiscoveryRequestSchema : DeltaDiscoveryRequestSchema
    for (const [name, only, request, text] of malformed) {
      test(`${protocol}: ${name}`, () => {
        const ended: string[] = []
        const end = (code: status, why: string): void => void ended.push(`${status[code]} ${why}`)
        const outlet = { peer: 'p', send: () => {}, end, cut: () => {} }
        const source = createMemorySource()
        const wait = () => () => {}
        const deps = { source, log: silentLogger, now: () => 0, wait, limits: defaultLimits, observer: {} }
        const stream = openStream('s', protocol, only, outlet, deps)
        const bytes = request((fields) => Buffer.from(encode(schema, fields)))
        stream.receive(bytes)
        stream.receive(bytes)
        assert.equal(ended.length, 1)
        assert.match(ended[0]!, /^INVALID_ARGUMENT/)
        assert.match(ended[0]!, text)
      })
    }
  }
})
