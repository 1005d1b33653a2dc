/**
 * Records what a real server answers into test/wire/eureka-4.3.0, for the unit tests:
 *   node test/real/eureka/record.ts
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EurekaInstance } from '../../testbed/index.ts'
import { startTracked } from './tracked.ts'

const directory = join(import.meta.dirname, '../../wire/eureka-4.3.0')
mkdirSync(directory, { recursive: true })
const eureka = await startTracked()
const record = async (name: string) => {
  for (const [kind, path] of [
    ['apps', '/apps'],
    ['delta', '/apps/delta'],
  ]) {
    const answer = await eureka.api('GET', path!)
    writeFileSync(join(directory, `${name}-${kind}.json`), `${JSON.stringify(answer, null, 1)}\n`)
  }
}
try {
  await record('empty')
  await eureka.holds({ app: 'alone', address: '10.0.0.1', port: 8080 })
  await record('single')
  const amazon = {
    '@class': 'com.netflix.appinfo.AmazonInfo',
    name: 'Amazon',
    metadata: { 'availability-zone': 'us-east-1a', 'instance-id': 'i-0a1', 'local-ipv4': '10.1.0.1' },
  }
  const all: EurekaInstance[] = [
    {
      app: 'orders',
      address: '10.0.0.1',
      port: 8080,
      metadata: { zone: 'zone-a', version: 'v1', weight: '3' },
    },
    { app: 'orders', address: '10.0.0.2', port: 9090, securePort: 8443, metadata: { protocol: 'http' } },
    { app: 'orders', address: '10.0.0.3', port: 8080, status: 'STARTING' },
    {
      app: 'payments',
      address: '10.0.1.1',
      port: 8080,
      securePort: 8443,
      more: { vipAddress: 'PAYMENTS,billing', secureVipAddress: 'payments-tls', dataCenterInfo: amazon },
    },
    { app: 'secure', address: '10.0.2.1', securePort: 8443 },
    { app: 'named', address: '10.0.3.1', port: 80, more: { hostName: 'named-1.example.com' } },
    { app: 'gone', address: '10.0.4.1', port: 80 },
  ]
  await eureka.holds(...all)
  await eureka.override('ORDERS', '10.0.0.2:orders:9090', 'OUT_OF_SERVICE')
  await eureka.becomes(...all.filter(({ app }) => app !== 'gone'))
  await record('many')
} finally {
  await eureka.stop()
}
