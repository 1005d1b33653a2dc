/** What clients refuse, and what they have when they come again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namedIn } from '#xds/server/blame.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { scene } from '../server/scene.ts'
import { r } from './xds-client.ts'
import { playScenarios } from './xds-scenarios.ts'

const { cluster: CDS, endpoint: EDS } = typeUrls

playScenarios([
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
])

const orders = 'outbound|80||orders.default.svc.cluster.local'
const collected = 'xdstp://pilot/envoy.config.cluster.v3.Cluster/shop/a?env=prod,blue'
/** A message of Envoy's or gRPC's, and the names in it. */
const messages: readonly (readonly [string, readonly string[]])[] = [
  [`Error adding/updating cluster(s) ${orders}: Proto constraint validation failed`, [orders]],
  [`Error adding/updating cluster(s) ${orders}: no, outbound|80||a: 'x' unknown`, ['outbound|80||a', orders]],
  ['Error adding/updating listener(s) 0.0.0.0_80: no filter chains specified', ['0.0.0.0_80']],
  ['Error adding/updating listener(s) [::]_80: no filter chains specified', ['[::]_80']],
  ['Only a single wildcard domain is permitted in route 8080', ['8080']],
  ["unknown cluster 'outbound|80||a' in route config http_proxy.", ['http_proxy', 'outbound|80||a']],
  ['duplicate domain in virtual host 80/a.example:8080', ['80/a.example:8080']],
  ['ClusterLoadAssignment(name=outbound|80||a;policy)', ['outbound|80||a']],
  ['"outbound|80||a": Proto constraint validation failed', ['outbound|80||a']],
  [`resource '${collected}': bad`, [collected]],
  [`errors: [resource index 0: ${orders}: INVALID_ARGUMENT: [field:eds: bad]]`, [orders]],
  ['Proto constraint validation failed (ClusterValidationError.Name: too short)', []],
]
const known = [...new Set(messages.flatMap(([, names]) => names)), '80', 'outbound|80||orders', '0.0.0.0_8']
for (const [message, names] of messages)
  test(`whom it names: ${message}`, () => {
    const others = Array.from({ length: 100 }, (_, i) => `outbound|80||other-${i}`)
    assert.deepEqual([...namedIn(message, [...known, ...others])].sort(), [...names].sort())
    assert.deepEqual([...namedIn(message, names)].sort(), [...names].sort())
  })

test('a name that is no word is found among few', () => {
  assert.deepEqual(namedIn('bad: <my listener>', ['my listener', 'another']), ['my listener'])
  assert.deepEqual(namedIn('bad', ['']), [])
})

for (const protocol of ['sotw', 'delta'] as const)
  test(`${protocol}: a message of 4 MB about one of 20,000 names blames that one, and is not kept whole`, () => {
    const client = scene(protocol)
    const name = (i: number) => `outbound|80||service-${i}.shop.svc.cluster.local`
    client.source.update('*', ...Array.from({ length: 20_000 }, (_, i) => r(CDS, name(i), '1')))
    client.request(CDS)
    const start = performance.now()
    client.answer(CDS, `${name(4711)}: ${'outbound|80||service-X.shop.svc.cluster.loca'.repeat(93_000)}`)
    const took = performance.now() - start
    const nack = client.status()[0]?.nack
    assert.equal(nack?.resources[0], name(4711))
    assert.equal(nack?.message.length, 16_001)
    assert.ok(nack?.message.endsWith('…'))
    assert.ok(took < 3000, `${Math.round(took)} ms`)
    const states = [...client.status()[0]!.resources()].filter(({ state }) => state === 'NACKED')
    assert.deepEqual(
      states.map((each) => each.name),
      [name(4711)],
    )
  })
