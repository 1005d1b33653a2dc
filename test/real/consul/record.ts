/** Records answers of a real Consul into test/wire: `node test/real/consul/record.ts`. Volatile values are replaced. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startConsul } from '../../testbed/index.ts'
import { catalog } from './catalog.ts'

const consul = await startConsul({ nodeName: 'consul-server' })
try {
  const { Config } = await consul.api('GET', '/v1/agent/self')
  const folder = fileURLToPath(new URL(`../../wire/consul-${Config.Version}/`, import.meta.url))
  mkdirSync(folder, { recursive: true })
  const write = catalog(consul.api)
  await write.node('n1', '10.9.0.1', {
    region: 'eu',
    zone: 'eu-1',
    'external-node': 'true',
    'external-probe': 'true',
  })
  await write.node('n2', 'db.example.com')
  await write.register({
    id: 'web-1',
    service: 'web',
    address: '10.0.0.1',
    port: 8080,
    tags: ['version=v1', 'blue', 'protocol=http'],
    meta: { port: '80', team: 'shop', 'external-source': 'nomad' },
    weights: { Passing: 10, Warning: 3 },
    status: 'warning',
    more: { TaggedAddresses: { wan: { Address: '198.51.100.1', Port: 18080 } } },
  })
  await write.register({ id: 'web-2', service: 'web', port: 25_001, status: 'passing' })
  await write.register({
    id: 'web-3',
    service: 'web',
    address: '2001:db8:0::3',
    port: 8080,
    status: 'critical',
  })
  await write.register({ id: 'db-1', service: 'db', node: 'n2', port: 5432, tags: ['protocol=tcp'] })
  await write.register({ id: 'noport', service: 'noport', port: 0 })
  await write.register({
    id: 'many-1',
    service: 'many',
    address: '10.0.0.4',
    port: 0,
    more: {
      Ports: [
        { Name: 'http', Port: 8080, Default: true },
        { Name: 'metrics', Port: 9102 },
      ],
    },
  })
  await write.register({
    id: 'web-proxy',
    service: 'web-sidecar-proxy',
    port: 21_000,
    kind: 'connect-proxy',
    more: { Proxy: { DestinationServiceName: 'web' } },
  })
  await consul.api('PUT', '/v1/agent/service/register', {
    ID: 'own-1',
    Name: 'own',
    Address: '10.0.0.5',
    Port: 80,
    Locality: { Region: 'us', Zone: 'us-2' },
  })
  await consul.api('PUT', '/v1/agent/service/maintenance/own-1?enable=true&reason=test')
  await consul.api('PUT', '/v1/kv/pilothouse/config/a.yaml', 'kind: ServiceEntry')
  await consul.api('PUT', '/v1/kv/pilothouse/config/folder/', '')
  await consul.api('PUT', '/v1/kv/pilothouse/config/lock?flags=3304740253564472344', 'x')
  for (const [file, path] of [
    ['services', '/v1/catalog/services'],
    ['nodes', '/v1/catalog/nodes'],
    ['critical', '/v1/health/state/critical'],
    ['warning', '/v1/health/state/warning'],
    ['summaries', '/v1/internal/ui/services'],
    ['kv', '/v1/kv/pilothouse/config?recurse'],
    ...['web', 'db', 'noport', 'many', 'web-sidecar-proxy', 'own', 'gone'].map((name) => [
      `health-${name}`,
      `/v1/health/service/${name}`,
    ]),
  ] as const) {
    const text = JSON.stringify(await consul.api('GET', path), null, 2)
    const fixed = text
      .replace(
        /"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"/g,
        '"00000000-0000-0000-0000-000000000001"',
      )
      .replaceAll(String(consul.port), '8500')
    writeFileSync(join(folder, `${file}.json`), `${fixed}\n`)
  }
} finally {
  await consul.stop()
}
