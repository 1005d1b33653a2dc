/** Hand-written framing against the protobuf library, both ways. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { makeResource } from '#xds/make-resource.ts'
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '#xds/proto/gen/envoy/service/discovery/v3/discovery_pb.js'
import { AnySchema, anyBytes, decode, encode, StringValueSchema } from '#xds/proto/index.ts'
import { decodeDelta, decodeSotw, type NameLists } from '#xds/server/decode.ts'
import { encodeDelta, encodeSotw, toBuffer } from '#xds/server/encode.ts'
import type { Response } from '#xds/server/machine.ts'

/** Lengths around the limits of one, two and three varint bytes. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('', 'ü', 'x'.repeat(127), 'x'.repeat(128), 'é'.repeat(8200), 'y'.repeat(20_000)),
)
const resource = fc
  .tuple(text, text)
  .map(([name, value]) => makeResource('t', name, anyBytes(StringValueSchema, { value })))
const response: fc.Arbitrary<Response> = fc.record({
  typeUrl: text,
  version: text,
  nonce: text,
  resources: fc.array(resource, { maxLength: 5 }),
  removed: fc.array(text, { maxLength: 4 }),
})
test('responses are what the library reads and writes', () => {
  fc.assert(
    fc.property(response, (sent) => {
      const sotw = toBuffer(encodeSotw(sent))
      const read = decode(DiscoveryResponseSchema, sotw)
      assert.deepEqual([read.versionInfo, read.typeUrl, read.nonce], [sent.version, sent.typeUrl, sent.nonce])
      assert.deepEqual(
        read.resources.map((any) => encode(AnySchema, any)),
        sent.resources.map(({ bytes }) => Uint8Array.from(bytes)),
      )
      assert.deepEqual(Buffer.from(encode(DiscoveryResponseSchema, read)), sotw)

      const delta = toBuffer(encodeDelta(sent))
      const readDelta = decode(DeltaDiscoveryResponseSchema, delta)
      assert.deepEqual(readDelta.removedResources, sent.removed)
      assert.deepEqual(
        readDelta.resources.map(({ name, version }) => [name, version]),
        sent.resources.map(({ name, version }) => [name, version]),
      )
      assert.deepEqual(Buffer.from(encode(DeltaDiscoveryResponseSchema, readDelta)), delta)
    }),
    { numRuns: 60 },
  )
})

test('a message writes itself at any place and says how long it is', () => {
  const message = encodeSotw({ typeUrl: 't', version: '1', nonce: 'n', resources: [], removed: [] })
  const target = Buffer.alloc(message.byteLength + 5)
  assert.equal(message.copy(target, 5), message.byteLength)
  assert.deepEqual(target.subarray(5), toBuffer(message))
})

test('names of requests: "same" only if they are', () => {
  const names = fc.array(fc.constantFrom('a', 'b', 'bb', '', 'x'.repeat(200)), { maxLength: 6 })
  const types = fc.constantFrom('t', 'u')
  fc.assert(
    fc.property(
      fc.array(fc.record({ typeUrl: types, resourceNames: names, versionInfo: text }), { maxLength: 12 }),
      (requests) => {
        const lists: NameLists = new Map()
        const last = new Map<string, readonly string[]>()
        for (const request of requests) {
          const read = decodeSotw(Buffer.from(encode(DiscoveryRequestSchema, request)), lists)
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
  const lists: NameLists = new Map()
  for (let i = 0; i < 2; i++) assert.deepEqual(decodeSotw(scattered, lists).names, ['a', 'b'])
  assert.deepEqual(decodeSotw(part({ typeUrl: 't', resourceNames: ['a'] }), lists).names, ['a'])
})

test('what is cut off or random is an error, never a hang', () => {
  const whole = Buffer.from(
    encode(DiscoveryRequestSchema, { typeUrl: 't', resourceNames: ['a', 'b'], node: { id: 'n' } }),
  )
  const tryBoth = (bytes: Buffer): void => {
    for (const read of [
      () => decodeSotw(bytes, new Map([['t', whole.subarray(5, 11)]])),
      () => decodeDelta(bytes),
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
  const read = decodeDelta(Buffer.from(encode(DeltaDiscoveryRequestSchema, { node, typeUrl: 't' }))).node
  assert.deepEqual(read, {
    id: node.id,
    cluster: 'a.default',
    metadata: { LABELS: { app: 'a' }, N: 1 },
    locality: { region: 'r', zone: 'z', subZone: '' },
    userAgentName: 'envoy',
    userAgentVersion: '1.40.2',
  })
})
