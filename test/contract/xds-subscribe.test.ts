/** Who subscribes to what, and what each is sent, in all four variants of the protocol. */
import assert from 'node:assert/strict'
import { typeUrls } from '#xds/type-urls.ts'
import { r } from './xds-client.ts'
import { playScenarios } from './xds-scenarios.ts'

const { cluster: CDS, endpoint: EDS, listener: LDS, route: RDS, secret: SDS } = typeUrls

playScenarios([
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
])
