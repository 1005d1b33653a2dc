import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { after, before, describe, test } from 'node:test'
import { create, createFileRegistry, fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { type Client, credentials, Client as GrpcClient, status } from '@grpc/grpc-js'
import {
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from '#xds/proto/gen/grpc/reflection/v1/reflection_pb.js'
import { isLoopback } from '#xds/server/address.ts'
import { createMemorySource } from '#xds/server/memory.ts'
import { createXdsServer, type XdsServer } from '#xds/server/server.ts'
import { xdsMethods } from '#xds/server/services.ts'
import { connect, openStream } from './client.ts'

const schemas = [ServerReflectionRequestSchema, ServerReflectionResponseSchema] as const
const pathOf = (version: string): string =>
  `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`
type Ask = ServerReflectionRequest['messageRequest']

describe('gRPC reflection', () => {
  let server: XdsServer
  let port = 0
  let client: Client
  before(async () => {
    server = createXdsServer({ source: createMemorySource() })
    port = (await server.listen('0.0.0.0:0')).port
    client = connect(port)
  })
  after(async () => {
    client.close()
    await server.close()
  })

  async function ask(...requests: Ask[]): Promise<ServerReflectionResponse['messageResponse'][]> {
    const stream = openStream(client, pathOf('v1'), schemas)
    for (const messageRequest of requests) stream.send({ messageRequest })
    const answers = []
    for (const messageRequest of requests) {
      const { messageResponse, originalRequest } = await stream.next()
      assert.equal(originalRequest?.messageRequest.case, messageRequest.case)
      answers.push(messageResponse)
    }
    stream.call.end()
    assert.equal((await stream.ended).code, status.OK)
    return answers
  }

  for (const version of ['v1', 'v1alpha'])
    test(`${version} lists all that is served, and each can be described`, async () => {
      const stream = openStream(client, pathOf(version), schemas)
      stream.send({ messageRequest: { case: 'listServices', value: '*' } })
      const { messageResponse } = await stream.next()
      assert.equal(messageResponse.case, 'listServicesResponse')
      const names = messageResponse.value.service.map(({ name }) => name)
      for (const { path } of xdsMethods) assert.ok(names.includes(path.split('/')[1]!), path)
      assert.ok(names.includes('grpc.health.v1.Health'))
      assert.ok(names.includes(`grpc.reflection.${version}.ServerReflection`))
      for (const name of names) {
        stream.send({ messageRequest: { case: 'fileContainingSymbol', value: name } })
        const described = (await stream.next()).messageResponse
        assert.equal(described.case, 'fileDescriptorResponse', name)
      }
      stream.call.end()
      await stream.ended
    })

  test('the files of a symbol are complete: all that it needs can be made of them', async () => {
    const symbol = 'envoy.service.discovery.v3.AggregatedDiscoveryService'
    const [answer] = await ask({ case: 'fileContainingSymbol', value: symbol })
    assert.equal(answer?.case, 'fileDescriptorResponse')
    const files = answer.value.fileDescriptorProto.map((bytes) =>
      fromBinary(FileDescriptorProtoSchema, bytes),
    )
    const names = files.map(({ name }) => name)
    assert.equal(names[0], 'envoy/service/discovery/v3/ads.proto')
    assert.equal(new Set(names).size, names.length)
    // Throws if a file or a type is missing; wants what is imported first.
    const file = new Set<(typeof files)[number]>()
    const add = (name: string): void => {
      const found = files.find((each) => each.name === name)
      assert.ok(found, `${name} is there`)
      for (const each of found.dependency) add(each)
      file.add(found)
    }
    for (const name of names) add(name)
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [...file] }))
    const methods = registry.getService(symbol)!.methods.map((each) => [each.name, each.methodKind])
    assert.deepEqual(methods, [
      ['StreamAggregatedResources', 'bidi_streaming'],
      ['DeltaAggregatedResources', 'bidi_streaming'],
    ])
    const request = registry.getMessage('envoy.service.discovery.v3.DiscoveryRequest')!
    assert.equal(request.fields.find(({ name }) => name === 'resource_names')?.number, 3)
  })

  test('types inside Anys, members, and files by their names are known; others are NOT_FOUND', async () => {
    const answers = await ask(
      { case: 'fileContainingSymbol', value: 'envoy.config.cluster.v3.Cluster' },
      {
        case: 'fileContainingSymbol',
        value: 'envoy.service.cluster.v3.ClusterDiscoveryService.FetchClusters',
      },
      { case: 'fileContainingSymbol', value: 'envoy.config.cluster.v3.Cluster.DiscoveryType' },
      { case: 'fileByFilename', value: 'envoy/config/core/v3/base.proto' },
      { case: 'fileByFilename', value: 'google/protobuf/any.proto' },
      { case: 'fileContainingSymbol', value: 'envoy.config.cluster.v3.Nothing' },
      { case: 'fileContainingSymbol', value: 'Nothing' },
      { case: 'fileByFilename', value: '/etc/passwd' },
    )
    const kinds = answers.map(({ case: kind }) => kind)
    const found = 'fileDescriptorResponse'
    assert.deepEqual(kinds, [found, found, found, found, found, ...Array(3).fill('errorResponse')])
    for (const answer of answers)
      if (answer.case === 'errorResponse') assert.equal(answer.value.errorCode, status.NOT_FOUND)
  })

  test('extensions: none', async () => {
    const containingType = 'google.protobuf.FieldOptions'
    const answers = await ask(
      { case: 'allExtensionNumbersOfType', value: 'envoy.config.cluster.v3.Cluster' },
      {
        case: 'fileContainingExtension',
        value: { $typeName: 'grpc.reflection.v1.ExtensionRequest', containingType, extensionNumber: 1071 },
      },
      { case: undefined },
    )
    assert.deepEqual(
      answers.map((answer) => [answer.case, answer.case === 'errorResponse' && answer.value.errorCode]),
      [
        ['allExtensionNumbersResponse', false],
        ['errorResponse', status.NOT_FOUND],
        ['errorResponse', status.INVALID_ARGUMENT],
      ],
    )
  })

  const [elsewhere] = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
  test('another host is refused', {
    skip: elsewhere === undefined && 'no address but loopback',
  }, async () => {
    const remote = new GrpcClient(`${elsewhere!.address}:${port}`, credentials.createInsecure())
    const stream = openStream(remote, pathOf('v1'), schemas)
    const { code, details } = await stream.ended
    remote.close()
    assert.equal(code, status.PERMISSION_DENIED)
    assert.match(
      details,
      /grpc\.reflection\.v1\.ServerReflection answers clients on the Pilot's own host only/,
    )
  })
})

test('which peers are on this host', () => {
  const peers = ['127.0.0.1:1', '127.8.0.1:1', '::1:1', '::ffff:127.0.0.1:1']
  const others = [
    '10.0.0.1:1',
    '::ffff:10.0.0.1:1',
    'fe80::1:1',
    '0.0.0.0:1',
    'undefined:undefined',
    '',
    '128.0.0.1:1',
  ]
  assert.deepEqual(peers.map(isLoopback), [true, true, true, true])
  for (const peer of others) assert.equal(isLoopback(peer), false, peer)
})
