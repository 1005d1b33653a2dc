/** Resources with a TTL, and the heartbeats that keep them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { resource, withTtl } from '#xds/make-resource.ts'
import { ClusterLoadAssignmentSchema } from '#xds/proto/gen/envoy/config/endpoint/v3/endpoint_pb.js'
import {
  DeltaDiscoveryResponseSchema,
  DiscoveryResponseSchema,
} from '#xds/proto/gen/envoy/service/discovery/v3/discovery_pb.js'
import { decode } from '#xds/proto/index.ts'
import type { Resource } from '#xds/resources.ts'
import { createMemorySource, createXdsServer } from '#xds/server/index.ts'
import { shortName, typeUrls } from '#xds/type-urls.ts'
import { until } from '../support/cleanup.ts'
import { connect, openDelta } from './client.ts'
import { type Protocol, r, scene, subscribe } from './scene.ts'

const { cluster: CDS, endpoint: EDS, listener: LDS, runtime: RTDS, virtualHost: VHDS } = typeUrls

const mortal = (typeUrl: string, name: string, ttl = 1000, value?: string): Resource =>
  withTtl(r(typeUrl, name, value), ttl)

describe('a TTL', () => {
  test('is part of the version, whichever it had before', () => {
    const plain = r(EDS, 'a')
    const versions = [plain, withTtl(plain, 1000), withTtl(plain, 2000)].map(({ version }) => version)
    assert.equal(new Set(versions).size, 3)
    assert.equal(withTtl(withTtl(plain, 1000), 2000).version, versions[2])
    for (const ttl of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      assert.throws(() => withTtl(plain, ttl), RangeError)
  })

  test('that comes and goes is told without a change of content', () => {
    const { source, request, answer, said, timers } = scene('delta')
    source.update('*', r(EDS, 'a'))
    request(EDS, subscribe.delta('a'))
    said('eds: a=1')
    answer(EDS)
    assert.deepEqual(timers(), [], 'nothing expires, so no timer')
    source.update('*', mortal(EDS, 'a'))
    said('eds: a=1 (ttl 1000)')
    answer(EDS)
    assert.deepEqual(timers(), [500])
    source.update('*', r(EDS, 'a'))
    said('eds: a=1')
    answer(EDS)
  })
})

describe('delta: heartbeats', () => {
  test('name what expires, half-way, and nothing else', () => {
    const { source, request, answer, said, pass } = scene('delta')
    source.update('*', mortal(EDS, 'a'), r(EDS, 'b'))
    request(EDS, subscribe.delta('a', 'b'))
    said('eds: a=1 (ttl 1000) b=1')
    answer(EDS)
    pass(499)
    said()
    pass(1)
    said('eds: a (ttl 1000)')
    answer(EDS)
    pass(500)
    said('eds: a (ttl 1000)')
  })

  test('carry the version that the client has', () => {
    const { source, request, answer, pass, bytes } = scene('delta')
    const a = mortal(EDS, 'a')
    source.update('*', a)
    request(EDS, subscribe.delta('a'))
    answer(EDS)
    pass(500)
    const [sent, heartbeat] = bytes.map((each) => decode(DeltaDiscoveryResponseSchema, each).resources[0])
    assert.deepEqual([sent?.version, heartbeat?.version], [a.version, a.version])
    assert.equal(heartbeat?.resource, undefined)
  })

  test('wait for the acknowledgement of what is in flight, and go out with it', () => {
    const { source, request, answer, said, pass, timers } = scene('delta')
    source.update('*', mortal(EDS, 'a'))
    request(EDS, subscribe.delta('a'))
    said('eds: a=1 (ttl 1000)')
    pass(900)
    said()
    assert.deepEqual(timers(), [], 'no timer turns while the client is silent')
    answer(EDS)
    said('eds: a (ttl 1000)')
  })

  test('end with the resource, and with the interest in it', () => {
    const { source, request, answer, said, pass, timers } = scene('delta')
    source.update('*', mortal(EDS, 'a'), mortal(EDS, 'b'))
    request(EDS, subscribe.delta('a', 'b'))
    answer(EDS)
    source.remove('*', EDS, 'a')
    answer(EDS)
    said('eds: a=1 (ttl 1000) b=1 (ttl 1000)', 'eds: -a')
    pass(500)
    said('eds: b (ttl 1000)')
    answer(EDS)
    request(EDS, { resourceNamesUnsubscribe: ['b'] })
    pass(10_000)
    said()
    assert.deepEqual(timers(), [])
  })

  test('a refused heartbeat: the client has lost it, so it is sent whole', () => {
    const { source, request, answer, said, pass } = scene('delta')
    source.update('*', mortal(EDS, 'a'))
    request(EDS, subscribe.delta('a'))
    answer(EDS)
    pass(500)
    answer(EDS, 'type URL does not match')
    said('eds: a=1 (ttl 1000)', 'eds: a (ttl 1000)', 'eds: a=1 (ttl 1000)')
    answer(EDS)
    pass(500)
    said('eds: a (ttl 1000)')
  })

  test('none of what was refused, since the client has something else', () => {
    const { source, request, answer, said, pass } = scene('delta')
    source.update('*', mortal(EDS, 'a'))
    request(EDS, subscribe.delta('a'))
    answer(EDS, 'a is bad')
    said('eds: a=1 (ttl 1000)')
    pass(5000)
    said()
    source.update('*', mortal(EDS, 'a', 1000, '2'))
    answer(EDS)
    pass(500)
    said('eds: a=2 (ttl 1000)', 'eds: a (ttl 1000)')
  })

  test('several types: each at its own time', () => {
    const { source, request, answer, said, pass } = scene('delta')
    source.update('*', mortal(EDS, 'a', 1000), mortal(RTDS, 'a', 600))
    for (const typeUrl of [EDS, RTDS]) {
      request(typeUrl, subscribe.delta('a'))
      answer(typeUrl)
    }
    said('eds: a=1 (ttl 1000)', 'rtds: a=1 (ttl 600)')
    pass(499)
    said('rtds: a (ttl 600)')
    pass(1)
    said('eds: a (ttl 1000)')
  })

  test('clusters: they neither hold up routes nor carry the version of others', () => {
    const { source, request, answer, said, pass } = scene('delta')
    source.update('*', mortal(CDS, 'a'), r(CDS, 'b'))
    request(CDS)
    answer(CDS)
    request(typeUrls.listener)
    answer(typeUrls.listener)
    said('cds: a=1 (ttl 1000) b=1', 'lds:')
    pass(500)
    said('cds: a (ttl 1000)')
    source.update('*', r(typeUrls.listener, 'l'))
    said('lds: l=1')
  })

  test('a virtual host goes with its content', () => {
    const { source, request, answer, said, pass } = scene('delta')
    source.update('*', mortal(VHDS, 'a'))
    request(VHDS, subscribe.delta('a'))
    answer(VHDS)
    pass(500)
    said('vhds: a=1 (ttl 1000)', 'vhds: a=1 (ttl 1000)')
  })

  test('who comes back with a resource is told of it again, since nobody knows when it heard of it last', () => {
    const { source, request, said } = scene('delta')
    const [a, b] = [mortal(EDS, 'a'), r(EDS, 'b')]
    source.update('*', a, b)
    request(EDS, {
      ...subscribe.delta('a', 'b'),
      initialResourceVersions: { a: a.version, b: b.version },
    })
    request(CDS)
    said('eds: a=1 (ttl 1000) b=1', 'cds:')
    const later = scene('delta')
    later.source.update('*', a, b)
    later.request(CDS)
    later.request(EDS, {
      ...subscribe.delta('a', 'b'),
      initialResourceVersions: { a: a.version, b: b.version },
    })
    later.said('cds:', 'eds: a=1 (ttl 1000)')
  })
})

describe('state of the world: heartbeats', () => {
  test('are what expires, again: Envoy takes no notice of it without content', () => {
    const { source, request, answer, said, pass } = scene('sotw')
    source.update('*', mortal(RTDS, 'a'), r(RTDS, 'b'))
    request(RTDS, subscribe.sotw('a', 'b'))
    said('rtds: a=1 (ttl 1000) bare=1')
    answer(RTDS)
    pass(500)
    said('rtds: a=1 (ttl 1000)')
    answer(RTDS)
    pass(500)
    said('rtds: a=1 (ttl 1000)')
  })

  test('none for types whose end crashes Envoy: they have no TTL there', () => {
    for (const typeUrl of [EDS, typeUrls.route, typeUrls.secret, typeUrls.extensionConfig]) {
      const { source, request, answer, said, timers } = scene('sotw')
      source.update('*', mortal(typeUrl, 'a'))
      request(typeUrl, subscribe.sotw('a'))
      said(`${shortName(typeUrl)}: bare=1`)
      answer(typeUrl)
      assert.deepEqual(timers(), [])
    }
  })

  test('of clusters are complete', () => {
    const { source, request, answer, said, pass } = scene('sotw')
    source.update('*', mortal(CDS, 'a'), r(CDS, 'b'))
    request(CDS)
    answer(CDS)
    said('cds: a=1 (ttl 1000) bare=1')
    pass(500)
    said('cds: a=1 (ttl 1000) bare=1')
  })

  test('of clusters go on when one was refused: the others, and what the client has of that one, would expire', () => {
    const { source, request, answer, said, pass } = scene('sotw')
    source.update('*', mortal(CDS, 'a'), r(CDS, 'b', 'bad'))
    request(CDS)
    answer(CDS, 'b is bad')
    said('cds: a=1 (ttl 1000) bare=bad')
    pass(500)
    said('cds: a=1 (ttl 1000) bare=bad')
  })

  test('of listeners carry no news that has to wait for clusters', () => {
    const { source, request, answer, said, pass } = scene('sotw')
    source.update('*', r(CDS, 'a'), mortal(LDS, 'l'))
    for (const typeUrl of [CDS, LDS]) {
      request(typeUrl)
      answer(typeUrl)
    }
    said('cds: bare=1', 'lds: l=1 (ttl 1000)')
    source.update('*', r(CDS, 'a', '2'), mortal(LDS, 'l', 1000, '2'))
    pass(600)
    said('cds: bare=2')
    answer(CDS)
    said('lds: l=2 (ttl 1000)')
  })

  test('reuse the bytes of the resource', () => {
    const { source, request, answer, pass, bytes } = scene('sotw')
    source.update('*', mortal(RTDS, 'a'))
    request(RTDS, subscribe.sotw('a', 'b'))
    answer(RTDS)
    pass(500)
    const read = bytes.map((each) => decode(DiscoveryResponseSchema, each))
    assert.deepEqual(read[0]?.resources, read[1]?.resources)
    assert.equal(read[0]?.versionInfo, read[1]?.versionInfo)
    assert.notEqual(read[0]?.nonce, read[1]?.nonce)
  })
})

const ttl = 'xds.config.supports-resource-ttl'
const wrap = 'xds.config.resource-in-sotw'
const clients: readonly (readonly [Protocol, string, object, boolean])[] = [
  ['delta', 'Envoy, which announces nothing', { userAgentName: 'envoy' }, true],
  ['sotw', 'Envoy, which announces nothing', { userAgentName: 'envoy' }, true],
  ['delta', 'another that takes TTLs', { clientFeatures: [ttl] }, true],
  ['sotw', 'another that takes TTLs and wrapped resources', { clientFeatures: [ttl, wrap] }, true],
  ['sotw', 'another that takes TTLs, but no wrapped resources', { clientFeatures: [ttl] }, false],
  ['sotw', 'another that takes wrapped resources only', { clientFeatures: [wrap] }, false],
  ['delta', 'another', {}, false],
]

describe('who gets TTLs:', () => {
  for (const [protocol, name, node, gets] of clients) {
    test(`${protocol}: ${name}: ${gets ? 'yes' : 'no'}`, () => {
      const { source, request, answer, said, pass, timers } = scene(protocol, { node })
      const sotw = protocol === 'sotw'
      source.update('*', mortal(RTDS, 'a'), r(RTDS, 'b'))
      request(RTDS, subscribe[protocol]('a', 'b'))
      const bare = sotw ? 'rtds: bare=1 bare=1' : 'rtds: a=1 b=1'
      said(gets ? `rtds: a=1 (ttl 1000) ${sotw ? 'bare' : 'b'}=1` : bare)
      answer(RTDS)
      assert.equal(timers().length, gets ? 1 : 0)
      pass(500)
      said(...(gets ? [sotw ? 'rtds: a=1 (ttl 1000)' : 'rtds: a (ttl 1000)'] : []))
    })
  }
})

test('a TTL of years is no busy timer', async (t) => {
  const source = createMemorySource()
  source.update('*', withTtl(resource(ClusterLoadAssignmentSchema, 'a', { clusterName: 'a' }), 1e11))
  const server = createXdsServer({ source })
  t.after(() => server.close())
  const warnings: string[] = []
  const warned = ({ name }: Error) => void warnings.push(name)
  process.on('warning', warned)
  t.after(() => process.off('warning', warned))
  const client = connect((await server.listen('127.0.0.1:0')).port)
  t.after(() => client.close())
  const stream = openDelta(client)
  stream.send({ node: { id: 'n', userAgentName: 'envoy' }, typeUrl: EDS, resourceNamesSubscribe: ['a'] })
  const { nonce } = await stream.next()
  stream.send({ typeUrl: EDS, responseNonce: nonce })
  await until('it is acknowledged', () => server.streams()[0]?.types[0]?.status === 'SYNCED')
  assert.deepEqual(warnings, [])
})
