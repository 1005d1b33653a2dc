/** In which order things are said on an aggregated stream. */
import assert from 'node:assert/strict'
import type { Resource } from '#xds/resources.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { r } from './xds-client.ts'
import { playScenarios } from './xds-scenarios.ts'

const {
  cluster: CDS,
  endpoint: EDS,
  listener: LDS,
  route: RDS,
  secret: SDS,
  extensionConfig: ECDS,
} = typeUrls

playScenarios([
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
    name: 'a filter that may name a cluster waits for clusters, but not for listeners',
    only: 'aggregated',
    play({ client, source, said }) {
      source.update('n1', ...[CDS, LDS, ECDS].map((typeUrl) => r(typeUrl, 'a', '1')))
      for (const typeUrl of [CDS, LDS, ECDS]) client.subscribe(typeUrl, 'a')
      client.ackAll()
      client.log.length = 0
      source.update('n1', r(CDS, 'a', '2'), r(ECDS, 'a', '2'))
      said('cds: a')
      client.ack()
      said('ecds: a')
      client.ack()
      source.update('n1', r(LDS, 'a', '3'))
      source.update('n1', r(ECDS, 'a', '3'))
      said('lds: a', 'ecds: a')
    },
  },
  {
    name: 'a filter that a warming listener asks for is answered at once',
    only: 'aggregated',
    play({ client, source, said }) {
      source.update('n1', ...[CDS, LDS].map((typeUrl) => r(typeUrl, 'a', '1')), r(ECDS, 'f', '1'))
      for (const typeUrl of [CDS, LDS]) client.subscribe(typeUrl, 'a')
      client.ackAll()
      source.update('n1', r(CDS, 'a', '2'))
      client.log.length = 0
      client.subscribe(ECDS, 'f')
      said('ecds: f')
    },
  },
  {
    name: 'a cluster stays until the filter that named it has changed',
    only: 'aggregated',
    play({ client, source, said, saidEither }) {
      source.update('n1', r(CDS, 'a', '1'), r(CDS, 'b', '1'), r(ECDS, 'f', 'a'))
      client.subscribe(CDS, '*')
      client.subscribe(ECDS, 'f')
      client.ackAll()
      client.log.length = 0
      source.set('n1', [r(CDS, 'b', '1'), r(ECDS, 'f', 'b')])
      said('ecds: f')
      client.ack()
      saidEither({ sotw: ['cds: b'], delta: ['cds: -a'] })
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
    name: 'reconnect: who asks for endpoints before clusters has a cluster that waits for them',
    only: 'aggregated',
    play({ client, source, said, saidEither }) {
      source.update('n1', r(CDS, 'a', '1', ['ea']), r(EDS, 'ea', '1'), r(EDS, 'eb', '1'))
      client.subscribe(EDS, 'ea', 'eb')
      client.subscribe(CDS, '*')
      client.ackAll()
      client.log.length = 0
      client.reconnect()
      client.ackAll()
      saidEither({ sotw: ['eds: ea eb', 'cds: a', 'eds: ea'], delta: ['eds: ea eb', 'cds:'] })
      client.wants.delete(EDS)
      client.reconnect()
      client.subscribe(EDS, 'ea', 'eb')
      client.ackAll()
      client.log.length = 0
      client.reconnect()
      client.ackAll()
      saidEither({ sotw: ['cds: a', 'eds: ea eb'], delta: ['cds:', 'eds:'] })
      said()
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
])
