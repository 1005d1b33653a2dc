import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BootstrapSchema } from '#xds/proto/gen/envoy/config/bootstrap/v3/bootstrap_pb.js'
import { ClusterSchema } from '#xds/proto/gen/envoy/config/cluster/v3/cluster_pb.js'
import { SecretSchema } from '#xds/proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import { type Any, AnySchema, create, pack, StringValueSchema, unpack } from '#xds/proto/index.ts'
import { redactAny } from '#xds/proto/redact.ts'

const inline = (value: string) => ({ specifier: { case: 'inlineString' as const, value } })
const bytes = (value: string) => ({
  specifier: { case: 'inlineBytes' as const, value: new Uint8Array(Buffer.from(value)) },
})

test('what holds nothing secret is the same object', () => {
  const metadata = {
    filterMetadata: { a: { private_key: { inline_string: 'kept: a Struct is no DataSource' } } },
  }
  for (const any of [
    pack(ClusterSchema, { name: 'a', metadata }),
    pack(StringValueSchema, { value: 'a' }),
    create(AnySchema, {}),
  ])
    assert.equal(redactAny(any), any)
})

test('in lists, oneofs and Anys; files stay; what was given stays as it was', () => {
  const secret = {
    name: 's',
    type: {
      case: 'sessionTicketKeys' as const,
      value: {
        keys: [bytes('K1'), { specifier: { case: 'filename' as const, value: '/k2' } }, inline('K3')],
      },
    },
  }
  const given = pack(BootstrapSchema, { staticResources: { secrets: [secret] } })
  const before = Buffer.from(given.value)
  const after = unpack(BootstrapSchema, redactAny(given))!
  const { value } = after.staticResources!.secrets[0]!.type as {
    value: { keys: { specifier: { value: unknown } }[] }
  }
  const shown = value.keys.map(({ specifier }) =>
    typeof specifier.value === 'string'
      ? specifier.value
      : Buffer.from(specifier.value as Uint8Array).toString(),
  )
  assert.deepEqual(shown, ['[redacted]', '/k2', '[redacted]'])
  assert.ok(before.equals(given.value))
})

test('in an Any within a map', () => {
  const secret = pack(SecretSchema, {
    name: 's',
    type: { case: 'genericSecret', value: { secret: inline('K'), secrets: { a: inline('K') } } },
  })
  const given = pack(ClusterSchema, { name: 'a', typedExtensionProtocolOptions: { x: secret } })
  const cluster = unpack(ClusterSchema, redactAny(given))!
  const { type } = unpack(SecretSchema, cluster.typedExtensionProtocolOptions.x!)!
  assert.ok(type.case === 'genericSecret')
  assert.equal(type.value.secret?.specifier.value, '[redacted]')
  assert.equal(type.value.secrets.a?.specifier.value, '[redacted]')
})

test('what cannot be read is left out', () => {
  const strange: Any = create(AnySchema, { typeUrl: 'x/unknown.Type', value: Buffer.from('K') })
  const broken: Any = create(AnySchema, {
    typeUrl: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
    value: Buffer.from([0xff]),
  })
  for (const any of [strange, broken]) {
    assert.equal(redactAny(any).value.length, 0)
    assert.equal(redactAny(any).typeUrl, any.typeUrl)
    assert.notEqual(any.value.length, 0)
  }
})
