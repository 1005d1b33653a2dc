/** What clients refuse, and what they have when they come again. */
import assert from 'node:assert/strict'
import { typeUrls } from '#xds/type-urls.ts'
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
