/** What a client is told of names that it asked for and doesn't get (resource_errors). */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { emptyResourceSet, layered, withMissing } from '#xds/resource-set.ts'
import type { Absence, Node } from '#xds/resources.ts'
import { createRestHandler } from '#xds/server/index.ts'
import { createMemorySource } from '#xds/server/memory.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { r, scene, subscribe } from './scene.ts'

const { cluster: CDS, endpoint: EDS } = typeUrls
const secret: Absence = { code: 'PERMISSION_DENIED', message: 'b is not exported' }
const absence = (_: string, name: string) => (name === 'b' ? secret : undefined)

describe('delta: why a name does not exist', () => {
  test('is told beside its removal, to who asks for it, once', () => {
    const { source, request, answer, said } = scene('delta', { absence })
    source.update('*', r(EDS, 'a'))
    request(EDS, subscribe.delta('a', 'b', 'c'))
    said('eds: a=1 -b -c !b 7 b is not exported')
    answer(EDS)
    source.update('*', r(EDS, 'a', '2'))
    said('eds: a=2')
  })

  test('is told when it goes, and over when it comes', () => {
    const { source, request, answer, said } = scene('delta', { absence })
    request(EDS, subscribe.delta('b'))
    answer(EDS)
    source.update('*', r(EDS, 'b'))
    answer(EDS)
    source.remove('*', EDS, 'b')
    said('eds: -b !b 7 b is not exported', 'eds: b=1', 'eds: -b !b 7 b is not exported')
  })

  test('is not told to who did not ask', () => {
    const { source, request, answer, said } = scene('delta', { absence })
    source.update('*', r(CDS, 'b'))
    request(CDS)
    answer(CDS)
    source.remove('*', CDS, 'b')
    said('cds: b=1', 'cds: -b')
  })
})

describe('state of the world: a name that does not exist', () => {
  test('is said not to, once, since nothing else says so', () => {
    const { source, request, answer, said } = scene('sotw', { absence })
    source.update('*', r(EDS, 'a'))
    request(EDS, subscribe.sotw('a', 'b', 'c'))
    said('eds: bare=1 !b 7 b is not exported !c 5 there is no such resource')
    answer(EDS)
    said()
    source.update('*', r(EDS, 'a', '2'))
    said('eds: bare=2')
  })

  test('is said not to when the client comes to want it', () => {
    const { request, answer, said } = scene('sotw')
    request(EDS, subscribe.sotw('a'))
    answer(EDS)
    request(EDS, { ...subscribe.sotw('a', 'b'), responseNonce: 's-1' })
    said('eds: !a 5 there is no such resource', 'eds: !b 5 there is no such resource')
  })

  test('endpoints that go later stay with the client, so nothing is said', () => {
    const { source, request, answer, said } = scene('sotw', { absence })
    source.update('*', r(EDS, 'b'))
    request(EDS, subscribe.sotw('b'))
    answer(EDS)
    source.remove('*', EDS, 'b')
    said('eds: bare=1')
  })

  test('clusters by name that go are missing in what is left', () => {
    const { source, request, answer, said } = scene('sotw', { absence })
    source.update('*', r(CDS, 'a'), r(CDS, 'b'))
    request(CDS, subscribe.sotw('a', 'b'))
    answer(CDS)
    source.remove('*', CDS, 'b')
    said('cds: bare=1 bare=1', 'cds: bare=1 !b 7 b is not exported')
  })

  test('what a set has an answer for is not absent', () => {
    const missing = (typeUrl: string, name: string) => r(typeUrl, name, 'empty')
    const { request, said } = scene('sotw', { missing, absence })
    request(EDS, subscribe.sotw('b'))
    said('eds: bare=empty')
  })
})

test('of two sets the first that knows more says it', () => {
  const knows = withMissing(emptyResourceSet, () => undefined, absence)
  for (const set of [layered(emptyResourceSet, knows), layered(knows, emptyResourceSet)]) {
    assert.equal(set.absence?.(EDS, 'b'), secret)
    assert.equal(set.absence?.(EDS, 'c'), undefined)
  }
})

test('REST says nothing of it: JSON with fields that a client does not know may be refused', async () => {
  const rest = createRestHandler(createMemorySource({ absence }))
  const node: Partial<Node> = { id: 'n' }
  const { body } = await rest('/v3/discovery:endpoints', JSON.stringify({ node, resourceNames: ['b'] }))
  assert.equal(JSON.parse(body).resourceErrors, undefined)
  assert.equal(JSON.parse(body).resource_errors, undefined)
})
