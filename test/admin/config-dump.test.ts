import assert from 'node:assert/strict'
import { test } from 'node:test'
import { redact } from '#admin/redact.ts'
import { createAdmin } from '#admin/server.ts'
import { resource } from '#xds/make-resource.ts'
import { ConfigDumpSchema } from '#xds/proto/gen/envoy/admin/v3/config_dump_pb.js'
import { VirtualHostSchema } from '#xds/proto/gen/envoy/config/route/v3/route_components_pb.js'
import { RouteConfigurationSchema } from '#xds/proto/gen/envoy/config/route/v3/route_pb.js'
import { fromJson } from '#xds/proto/json.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { fakes, ordersId, resources, stream, type } from './fakes.ts'

async function dump(query: string, of = {}) {
  const admin = createAdmin(fakes(of))
  const response = await admin.inject({ url: `/debug/config_dump?${query}` })
  await admin.close()
  assert.equal(response.statusCode, 200, response.body)
  return { text: response.body, json: response.json() }
}

test("has the form of Envoy's own: its proto takes it", async () => {
  const { json } = await dump(`proxyID=${encodeURIComponent(ordersId)}`)
  const message = fromJson(ConfigDumpSchema, json)
  assert.deepEqual(
    message.configs.map(({ typeUrl }) => typeUrl.replace('type.googleapis.com/envoy.admin.v3.', '')),
    [
      'ClustersConfigDump',
      'ListenersConfigDump',
      'RoutesConfigDump',
      'EndpointsConfigDump',
      'SecretsConfigDump',
    ],
  )
})

test("uses the proto's own names, with the version and time of each resource", async () => {
  const { json } = await dump('proxyID=orders-1.default&types=cds')
  assert.equal(json.configs.length, 1)
  assert.deepEqual(json.configs[0].dynamic_active_clusters[0], {
    version_info: 'v-outbound|80||orders.default',
    cluster: {
      '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
      name: 'outbound|80||orders.default',
      type: 'EDS',
      connect_timeout: '1.500s',
    },
    last_updated: '2026-11-22T10:00:00.000Z',
  })
})

test('types are short names or words', async () => {
  const { json } = await dump('proxyID=orders-1&types=listeners,%20RDS')
  assert.deepEqual(
    json.configs.map((section: { '@type': string }) => section['@type'].split('.').at(-1)),
    ['ListenersConfigDump', 'RoutesConfigDump'],
  )
})

test('virtual hosts that were asked for by name stand in their route configuration', async () => {
  const names = ['80/a.example', '80/b.example', '8080/a.example']
  const hosts = names.map((name) => resource(VirtualHostSchema, name, { name, domains: [name.slice(3)] }))
  const held = () => [...hosts, resource(RouteConfigurationSchema, '80', { name: '80' })]
  const streams = () => [stream('s', 'p', { types: [type(typeUrls.route), type(typeUrls.virtualHost)] })]
  const { json } = await dump('proxyID=p&types=rds', { proxies: { streams, held } })
  fromJson(ConfigDumpSchema, json)
  const [{ route_config }] = json.configs[0].dynamic_route_configs
  assert.deepEqual(
    route_config.virtual_hosts.map(({ name }: { name: string }) => name),
    names.slice(0, 2),
  )
})

test('private keys are redacted, certificates are not', async () => {
  const { text, json } = await dump('proxyID=orders-1&types=sds')
  assert.ok(!text.includes('TOP-SECRET'))
  const { tls_certificate } = json.configs[0].dynamic_active_secrets[0].secret
  assert.equal(tls_certificate.private_key.inline_string, '[redacted]')
  assert.equal(tls_certificate.certificate_chain.inline_string, 'PUBLIC')
})

test('redact reaches everything below, and leaves file names', () => {
  const before = {
    name: 'a',
    list: [{ private_key: { inline_bytes: 'c2VjcmV0' } }, { password: { filename: '/run/pw' } }],
    session_ticket_keys: { keys: [{ inline_string: 'secret' }] },
    public: { inline_string: 'page' },
  }
  assert.deepEqual(redact(before), {
    name: 'a',
    list: [{ private_key: { inline_bytes: 'W3JlZGFjdGVkXQ==' } }, { password: { filename: '/run/pw' } }],
    session_ticket_keys: { keys: [{ inline_string: '[redacted]' }] },
    public: { inline_string: 'page' },
  })
})

test('a proxy with a stream for each type is shown whole, each type from its newest stream', async () => {
  const streams = () => [
    stream('c-old', 'p', { types: [type(typeUrls.cluster)] }),
    stream('c-new', 'p', { since: new Date('2026-11-22T11:00:00Z'), types: [type(typeUrls.cluster)] }),
    stream('l', 'p', { types: [type(typeUrls.listener)] }),
  ]
  const of = (typeUrl: string) => resources.filter((r) => r.typeUrl === typeUrl)
  const held = (id: string) =>
    id === 'c-new' ? of(typeUrls.cluster).slice(0, 1) : of(id === 'l' ? typeUrls.listener : typeUrls.cluster)
  const { json } = await dump('proxyID=p', { proxies: { streams, held } })
  assert.equal(json.configs[0].dynamic_active_clusters.length, 1)
  assert.equal(json.configs[1].dynamic_listeners.length, 1)
})
