/** Hand-written framing against the protobuf library, both ways. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { status } from '@grpc/grpc-js'
import * as fc from 'fast-check'
import { makeResource, withTtl } from '#xds/make-resource.ts'
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
  ResourceSchema,
} from '#xds/proto/gen/envoy/service/discovery/v3/discovery_pb.js'
import {
  AnySchema,
  anyBytes,
  decode,
  encode,
  milliseconds,
  StringValueSchema,
  unpack,
} from '#xds/proto/index.ts'
import type { Resource } from '#xds/resources.ts'
import { createBodies } from '#xds/server/bodies.ts'
import { decodeDelta, decodeSotw, type LastLists } from '#xds/server/decode.ts'
import { encodeResponse, toBuffer } from '#xds/server/encode.ts'
import { createNameLists } from '#xds/server/name-lists.ts'
import { Names } from '#xds/server/names.ts'
import type { Response } from '#xds/server/state.ts'
import { typeUrls } from '#xds/type-urls.ts'

const nameLists = createNameLists()

/** Lengths around the limits of one, two and three varint bytes. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('', 'ü', 'x'.repeat(127), 'x'.repeat(128), 'é'.repeat(8200), 'y'.repeat(20_000)),
)
const resource = fc.tuple(text, text, fc.option(fc.integer({ min: 1 }))).map(([name, value, ttl]) => {
  const made = makeResource('t', name, anyBytes(StringValueSchema, { value }))
  return ttl === null ? made : withTtl(made, ttl)
})
const response: fc.Arbitrary<Response> = fc.record({
  typeUrl: text,
  version: text,
  nonce: text,
  resources: fc.array(resource, { maxLength: 5 }),
  form: fc.constantFrom('plain' as const, 'ttl' as const),
  removed: fc.array(text, { maxLength: 4 }),
  absent: fc.array(
    fc.record({
      name: text,
      code: fc.constantFrom('NOT_FOUND' as const, 'PERMISSION_DENIED' as const),
      message: text,
    }),
    { maxLength: 3 },
  ),
})
test('responses are what the library reads, in as many bytes as it writes', (t) => {
  const bodies = createBodies()
  t.after(bodies.close)
  fc.assert(
    fc.property(response, (sent) => {
      const sotw = toBuffer(encodeResponse('sotw', sent, bodies))
      const read = decode(DiscoveryResponseSchema, sotw)
      assert.deepEqual([read.versionInfo, read.typeUrl, read.nonce], [sent.version, sent.typeUrl, sent.nonce])
      assert.deepEqual(
        read.resources.map((any) => encode(AnySchema, unpack(ResourceSchema, any)?.resource ?? any)),
        sent.resources.map(({ bytes }) => Uint8Array.from(bytes)),
      )
      assert.equal(encode(DiscoveryResponseSchema, read).length, sotw.length)
      const errors = sent.absent.map(({ name, code, message }) => [name, status[code], message])
      const said = ({ resourceErrors }: Pick<typeof read, 'resourceErrors'>) =>
        resourceErrors.map((each) => [
          each.resourceName?.name,
          each.errorDetail?.code,
          each.errorDetail?.message,
        ])
      assert.deepEqual(said(read), errors)

      const delta = toBuffer(encodeResponse('delta', sent, bodies))
      const readDelta = decode(DeltaDiscoveryResponseSchema, delta)
      assert.deepEqual(readDelta.removedResources, sent.removed)
      assert.deepEqual(said(readDelta), errors)
      assert.deepEqual(
        readDelta.resources.map(({ name, version }) => [name, version]),
        sent.resources.map(({ name, version }) => [name, version]),
      )
      const ttls = sent.resources.map(({ ttl }) => (sent.form === 'plain' ? undefined : ttl))
      assert.deepEqual(
        readDelta.resources.map(({ ttl }) => ttl && milliseconds(ttl)),
        ttls,
      )
      assert.deepEqual(
        read.resources.map((any) => unpack(ResourceSchema, any)?.ttl).map((ttl) => ttl && milliseconds(ttl)),
        ttls,
      )
      assert.equal(encode(DeltaDiscoveryResponseSchema, readDelta).length, delta.length)
    }),
    { numRuns: 60 },
  )
})

test('equal responses share their resources’ bytes; what is a client’s own is not shared', (t) => {
  const bodies = createBodies()
  t.after(bodies.close)
  const [a, b, c] = ['a', 'b', 'c'].map((name) =>
    makeResource('t', name, anyBytes(StringValueSchema, { value: name })),
  )
  const parts = (variant: 'sotw' | 'delta', resources: Resource[], nonce: string) =>
    encodeResponse(
      variant,
      { typeUrl: 't', version: '1', nonce, resources, form: 'plain', removed: [], absent: [] },
      bodies,
    ).parts
  const [body, own] = parts('delta', [a!, b!], 'n1')
  assert.equal(parts('delta', [a!, b!], 'n2')[0], body)
  assert.notDeepEqual(parts('delta', [a!, b!], 'n2')[1], own)
  for (const other of [
    parts('sotw', [a!, b!], 'n1'),
    parts('delta', [a!], 'n1'),
    parts('delta', [a!, c!], 'n1'),
  ])
    assert.notDeepEqual(other[0], body)
  assert.equal(parts('delta', [], 'n1').length, 1)
})

test('what is shared has a bound, and is let go when nobody asks for it any more', async (t) => {
  const resources = Array.from({ length: 200 }, (_, i) =>
    makeResource('t', `r${i}`, anyBytes(StringValueSchema, { value: 'x'.repeat(100) })),
  )
  const write = (some: readonly Resource[]) => Buffer.concat(some.map(({ bytes }) => bytes))
  const size = write(resources).length
  // Four pieces of 64; two of them fit.
  const bodies = createBodies({ maxBytes: size / 2, keptMs: 5 })
  t.after(bodies.close)
  const get = () => bodies.get('delta', resources, write)
  const [first, second] = [get(), get()]
  assert.deepEqual(Buffer.concat(first), Buffer.concat(second))
  assert.deepEqual(
    first.map((piece, i) => piece === second[i]),
    [true, false, false, true],
  )
  const again = async (): Promise<boolean> => {
    await new Promise((resolve) => setTimeout(resolve, 20))
    return get()[0] !== first[0]
  }
  for (let tries = 0; !(await again()); tries++) assert.ok(tries < 100)
})

test('lists of names have a bound together; who has one keeps it', () => {
  const some = createNameLists({ maxBytes: 1000 })
  const raw = (i: number) => Buffer.alloc(400, i)
  const get = (i: number) => some.get(raw(i), () => [String(i)])
  const [a, b] = [get(1), get(2)]
  assert.equal(get(1), a)
  assert.equal(get(2), b)
  get(3)
  assert.notEqual(get(1), a)
  assert.deepEqual(get(1).names, a.names)
})

test('names of requests: "same" only if they are', () => {
  const names = fc.array(fc.constantFrom('a', 'b', 'bb', '', 'x'.repeat(200)), { maxLength: 6 })
  const types = fc.constantFrom('t', 'u')
  fc.assert(
    fc.property(
      fc.array(fc.record({ typeUrl: types, resourceNames: names, versionInfo: text }), { maxLength: 12 }),
      (requests) => {
        const lists: LastLists = new Map()
        const last = new Map<string, readonly string[]>()
        for (const request of requests) {
          const read = decodeSotw(Buffer.from(encode(DiscoveryRequestSchema, request)), lists, nameLists)
          const known = last.get(request.typeUrl)
          assert.equal(read.versionInfo, request.versionInfo)
          assert.deepEqual(read.names === 'same' ? known : read.names, request.resourceNames)
          assert.equal(
            read.names === 'same',
            known !== undefined &&
              known.join('|') === request.resourceNames.join('|') &&
              known.length === request.resourceNames.length,
          )
          last.set(request.typeUrl, request.resourceNames)
        }
      },
    ),
    { numRuns: 200 },
  )
})

test('names that do not stand together are all read', () => {
  const part = (fields: object): Buffer => Buffer.from(encode(DiscoveryRequestSchema, fields))
  const scattered = Buffer.concat([
    part({ resourceNames: ['a'] }),
    part({ typeUrl: 't' }),
    part({ resourceNames: ['b'] }),
  ])
  const lists: LastLists = new Map()
  for (let i = 0; i < 2; i++) assert.deepEqual(decodeSotw(scattered, lists, nameLists).names, ['a', 'b'])
  assert.deepEqual(decodeSotw(part({ typeUrl: 't', resourceNames: ['a'] }), lists, nameLists).names, ['a'])
  assert.deepEqual(decodeDelta(scattered, nameLists).subscribe, ['a', 'b'])
})

test('equal lists of names are one list; others never', () => {
  const names = Array.from({ length: 100 }, (_, i) => `name-${i}`)
  const list = (variant: 'sotw' | 'delta', resourceNames: string[], typeUrl = 't') =>
    variant === 'sotw'
      ? decodeSotw(
          Buffer.from(encode(DiscoveryRequestSchema, { typeUrl, resourceNames })),
          new Map(),
          nameLists,
        ).names
      : decodeDelta(
          Buffer.from(
            encode(DeltaDiscoveryRequestSchema, { typeUrl, resourceNamesSubscribe: resourceNames }),
          ),
          nameLists,
        ).subscribe
  const first = list('delta', names)
  assert.deepEqual(first, names)
  assert.equal(list('delta', names, 'u'), first)
  assert.equal(list('sotw', names), first)
  const other = [...names.slice(0, -1), 'name-xx']
  assert.deepEqual(list('delta', other), other)
})

test('names behave as a set, and what one client changes is its own', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd')
  const step = fc.record({ add: fc.boolean(), name })
  fc.assert(
    fc.property(fc.array(name), fc.array(step), (list, steps) => {
      const untouched = Names.of(list)
      const names = Names.of(list)
      const model = new Set<string>(list)
      for (const { add, name } of steps) {
        if (add) {
          names.add(name)
          model.add(name)
        } else assert.equal(names.delete(name), model.delete(name))
        assert.equal(names.size, model.size)
        assert.deepEqual([...names].sort(), [...model].sort())
        for (const each of ['a', 'b', 'c', 'd']) assert.equal(names.has(each), model.has(each))
      }
      assert.deepEqual([...untouched], [...new Set(list)])
    }),
  )
})

test('what is cut off or random is an error, never a hang', () => {
  const whole = Buffer.from(
    encode(DiscoveryRequestSchema, { typeUrl: 't', resourceNames: ['a', 'b'], node: { id: 'n' } }),
  )
  const tryBoth = (bytes: Buffer): void => {
    for (const read of [
      () => decodeSotw(bytes, new Map([['t', whole.subarray(5, 11)]]), nameLists),
      () => decodeDelta(bytes, nameLists),
    ]) {
      try {
        read()
      } catch (error) {
        assert.ok(error instanceof Error)
      }
    }
  }
  for (let end = 0; end <= whole.length; end++) tryBoth(whole.subarray(0, end))
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => tryBoth(Buffer.from(bytes))))
})

test('an acknowledgement is read as the generated code reads it, whatever its texts', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 200, unit: 'binary' }),
    fc.constantFrom('', ...Object.values(typeUrls)),
  )
  fc.assert(
    fc.property(text, text, (typeUrl, responseNonce) => {
      const read = decodeDelta(
        Buffer.from(encode(DeltaDiscoveryRequestSchema, { typeUrl, responseNonce })),
        nameLists,
      )
      const expected = decode(
        DeltaDiscoveryRequestSchema,
        encode(DeltaDiscoveryRequestSchema, { typeUrl, responseNonce }),
      )
      assert.deepEqual(
        [read.typeUrl, read.nonce, read.subscribe, read.unsubscribe, read.error, read.node],
        [expected.typeUrl, expected.responseNonce, [], [], undefined, undefined],
      )
    }),
  )
})

test('a node in plain JSON', () => {
  const node = {
    id: 'sidecar~10.0.0.1~a.default~default.svc.cluster.local',
    cluster: 'a.default',
    metadata: { LABELS: { app: 'a' }, N: 1 },
    locality: { region: 'r', zone: 'z' },
    userAgentName: 'envoy',
    userAgentVersionType: {
      case: 'userAgentBuildVersion' as const,
      value: { version: { majorNumber: 1, minorNumber: 40, patch: 2 } },
    },
  }
  const read = decodeDelta(
    Buffer.from(encode(DeltaDiscoveryRequestSchema, { node, typeUrl: 't' })),
    nameLists,
  ).node
  assert.deepEqual(read, {
    id: node.id,
    cluster: 'a.default',
    metadata: { LABELS: { app: 'a' }, N: 1 },
    locality: { region: 'r', zone: 'z', subZone: '' },
    userAgentName: 'envoy',
    userAgentVersion: '1.40.2',
  })
})
