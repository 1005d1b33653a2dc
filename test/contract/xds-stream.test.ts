/** Streams with sources and clients that misbehave. */
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
import { NodeRefused, type ResourceUpdate, type TypeUrl } from '#xds/resources.ts'
import { noBodies } from '#xds/server/bodies.ts'
import { receiveDelta } from '#xds/server/delta.ts'
import { patienceMs } from '#xds/server/gates.ts'
import { defaultLimits } from '#xds/server/limits.ts'
import { nextResponse, receiveUpdate } from '#xds/server/machine.ts'
import { createMemorySource } from '#xds/server/memory.ts'
import { createNameLists } from '#xds/server/name-lists.ts'
import { createMachine } from '#xds/server/state.ts'
import { openStream } from '#xds/server/stream.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { r as resource, scene, subscribe } from '../server/scene.ts'
import { createClient, r } from './xds-client.ts'

const { cluster: CDS, endpoint: EDS, listener: LDS, route: RDS } = typeUrls

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

for (const protocol of ['sotw', 'delta'] as const)
  test(`newer clusters overtake those that stay unacknowledged: ${protocol}`, () => {
    const s = scene(protocol)
    s.source.update('*', resource(CDS, 'a'), resource(LDS, 'l'), resource(RDS, 'rt'))
    for (const [type, name] of [
      [CDS, '*'],
      [LDS, '*'],
      [RDS, 'rt'],
    ] as const) {
      s.request(type, subscribe[protocol](name))
      s.answer(type)
    }
    s.source.update('*', resource(CDS, 'never-warm'))
    s.pass(patienceMs)
    s.log.length = 0
    s.source.update('*', resource(CDS, 'b'))
    assert.deepEqual(s.log, [], 'nothing waits for it')
    s.source.update('*', resource(RDS, 'rt', '2'))
    assert.deepEqual(s.log.map(short), ['cds'])
    if (protocol === 'delta') assert.match(s.log[0]!, /b=1.*never-warm=1|never-warm=1.*b=1/)
    s.pass(patienceMs - 1)
    assert.equal(s.log.length, 1)
    s.pass(1)
    assert.deepEqual(s.log.map(short), ['cds', 'rds'])
    s.answer(CDS)
    s.answer(RDS)
    assert.deepEqual(s.timers(), [])
  })
const short = (said: string): string => said.split(':', 1)[0]!

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
    const client = createClient(variant, {
      connect: () => throwError(() => new NodeRefused('no such workload')),
    })
    client.subscribe(CDS, 'a')
    assert.deepEqual(client.failures, ['INVALID_ARGUMENT: no such workload'])
    const updates = new Subject<ResourceUpdate>()
    const later = createClient(variant, { connect: () => updates })
    later.subscribe(CDS, 'a')
    updates.error(new NodeRefused('workload is gone'))
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
        const deps = {
          ...{ source, log: silentLogger, now: () => 0, wait, limits: defaultLimits, observer: {} },
          shared: { bodies: noBodies, nameLists: createNameLists() },
          turns: { add: (work: () => void) => work() },
        }
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
