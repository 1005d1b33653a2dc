/** What is given up, alone or with all others, and asked for again. */
import { deepEqual } from 'node:assert/strict'
import { typeUrls } from '#xds/type-urls.ts'
import { r } from './xds-client.ts'
import { playScenarios } from './xds-scenarios.ts'

const { cluster: CDS, endpoint: EDS } = typeUrls

playScenarios([
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
      deepEqual(client.heldByServer(EDS), ['b'])
      client.subscribe(EDS, 'a')
      said('eds: a')
      client.ack()
      client.unsubscribe(EDS, 'a', 'b')
      source.update('n1', r(EDS, 'a', '3'), r(EDS, 'b', '3'))
      said()
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
    name: 'delta: given up on its way, asked for again with all, gone meanwhile: the client is told',
    only: 'delta',
    play({ client, source, said }) {
      source.update('n1', r(EDS, 'a', '1'))
      client.subscribe(EDS, 'a')
      client.unsubscribe(EDS, 'a')
      client.subscribe(EDS, '*')
      source.remove('n1', EDS, 'a')
      client.ack()
      deepEqual([...client.wants.get(EDS)!.held], [['a', '1']])
      said('eds: a', 'eds: -a')
      client.ack()
      deepEqual([...client.wants.get(EDS)!.held], [])
    },
  },
  {
    name: 'delta: given up on its way, gone, and asked for again with its collection',
    only: 'delta',
    play({ client, source, said }) {
      source.update('n1', r(EDS, 'xdstp:/t/x/a', '1'))
      client.subscribe(EDS, 'xdstp:/t/x/a')
      client.unsubscribe(EDS, 'xdstp:/t/x/a')
      source.remove('n1', EDS, 'xdstp:/t/x/a')
      client.subscribe(EDS, 'xdstp:/t/x/*')
      client.ackAll()
      said('eds: xdstp:/t/x/a', 'eds: -xdstp:/t/x/* -xdstp:/t/x/a')
      deepEqual([...client.wants.get(EDS)!.held], [])
    },
  },
])
