import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { type Client, status } from '@grpc/grpc-js'
import { makeResource } from '#xds/make-resource.ts'
import {
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '#xds/proto/gen/envoy/service/discovery/v3/discovery_pb.js'
import { anyBytes, decode, encode, StringValueSchema } from '#xds/proto/index.ts'
import type { Node, Resource } from '#xds/resources.ts'
import { createMemorySource } from '#xds/server/memory.ts'
import { createXdsServer, type XdsServer } from '#xds/server/server.ts'
import { xdsMethods } from '#xds/server/services.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { connect, openDelta, openSotw } from './client.ts'

const r = (typeUrl: string, name: string, value: string, children: string[] = []): Resource =>
  makeResource(typeUrl, name, anyBytes(StringValueSchema, { value: `${name}=${value}` }), children)

const node = { id: 'n1' }

describe('over gRPC', () => {
  const source = createMemorySource()
  const via: Node['via'][] = []
  let server: XdsServer
  let port = 0
  let client: Client

  before(async () => {
    server = createXdsServer({
      source: {
        connect(as) {
          via.push(as.via)
          return source.connect(as)
        },
      },
    })
    port = (await server.listen('127.0.0.1:0')).port
    client = connect(port)
    for (const { typeUrl } of xdsMethods) if (typeUrl) source.update('*', r(typeUrl, 'a', '1'))
  })
  after(async () => {
    client.close()
    await server.close()
  })

  for (const { path, kind, typeUrl = typeUrls.cluster } of xdsMethods) {
    test(`${path} serves, and tells the source how it was asked`, async () => {
      via.length = 0
      if (kind === 'sotw') {
        const stream = openSotw(client, path)
        stream.send({ node, typeUrl, resourceNames: ['a'] })
        const response = await stream.next()
        assert.equal(response.typeUrl, typeUrl)
        assert.equal(response.resources.length, 1)
        stream.call.end()
        await stream.ended
      } else if (kind === 'delta') {
        const stream = openDelta(client, path)
        stream.send({ node, typeUrl, resourceNamesSubscribe: ['a'] })
        const response = await stream.next()
        assert.deepEqual(
          response.resources.map(({ name, version }) => [name, version]),
          [['a', r(typeUrl, 'a', '1').version]],
        )
        stream.call.cancel()
        await stream.ended
      } else {
        const bytes = await new Promise<Buffer>((resolve, reject) => {
          const request = Buffer.from(
            encode(DiscoveryRequestSchema, { node: { id: path }, resourceNames: ['a'] }),
          )
          const asIs = (b: Buffer): Buffer => b
          client.makeUnaryRequest(path, asIs, asIs, request, (error, reply) =>
            error ? reject(error) : resolve(reply!),
          )
        })
        assert.equal(decode(DiscoveryResponseSchema, bytes).resources.length, 1)
      }
      const own = { sotw: 'GRPC', delta: 'DELTA_GRPC', fetch: 'REST' } as const
      assert.deepEqual(via, [path.includes('Aggregated') ? 'ADS' : own[kind]])
    })
  }

  test('REST on the same port', async () => {
    const post = (body: object): Promise<Response> =>
      fetch(`http://127.0.0.1:${port}/v3/discovery:clusters`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { connection: 'close' },
      })
    const first = await post({ node })
    assert.equal(first.status, 200)
    const answer = (await first.json()) as { versionInfo: string; resources: unknown[] }
    assert.deepEqual(answer.resources, [
      { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: 'a=1' },
    ])
    assert.equal((await post({ node, version_info: answer.versionInfo })).status, 304)
    assert.equal((await post({ node, version_info: answer.versionInfo, resourceNames: ['a'] })).status, 200)
    const refused = await post({})
    assert.equal(refused.status, 400)
    assert.deepEqual(Object.keys((await refused.json()) as object), ['code', 'message', 'remedy'])
  })

  test('garbage is closed at once', async () => {
    const socket = connectSocket(port, '127.0.0.1')
    socket.write('\x16\x03\x01 this is no HTTP')
    await once(socket, 'close')
  })

  test('a first request without node.id is refused', async () => {
    const stream = openDelta(client)
    stream.send({ typeUrl: typeUrls.cluster })
    const { code, details } = await stream.ended
    assert.equal(code, status.INVALID_ARGUMENT)
    assert.match(details, /node\.id/)
  })
})
