/**
 * Records what a real API server answers into test/wire/kubernetes-1.36.3, for the unit tests:
 *   node test/real/kubernetes/record.ts
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ofPod, pod, slice } from '../../registries/kubernetes-objects.ts'
import { call, startKubernetes } from '../../testbed/index.ts'
import { clusterService, yaml } from './objects.ts'

const directory = join(import.meta.dirname, '../../wire/kubernetes-1.36.3')
mkdirSync(directory, { recursive: true })
const server = await startKubernetes()
const ca = readFileSync(server.caFile, 'utf8')

async function record(
  name: string,
  path: string,
  { token = server.token, accept = 'application/json' } = {},
) {
  const answer = await call('GET', server.url + path, {
    ca,
    headers: { authorization: `Bearer ${token}`, accept },
  })
  const extension = path.includes('watch=1') ? 'jsonl' : 'json'
  writeFileSync(
    join(directory, `${name}.${extension}`),
    answer.text.endsWith('\n') ? answer.text : `${answer.text}\n`,
  )
}
const metadataOnly = { accept: 'application/json;g=meta.k8s.io;v=v1;as=PartialObjectMetadataList' }
const watching = 'watch=1&allowWatchBookmarks=true&timeoutSeconds=5'
const slices = '/apis/discovery.k8s.io/v1/endpointslices'

try {
  await record('empty', '/apis/apps/v1/deployments')
  const labels = { 'topology.kubernetes.io/region': 'eu', 'topology.kubernetes.io/zone': 'eu-1' }
  await server.apply(
    yaml(
      { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node1', labels } },
      pod('web-1', '10.1.0.1', { labels: { app: 'web', version: 'v1' }, account: 'web' }),
      pod('web-2', '10.1.0.2', { labels: { app: 'web', version: 'v2' }, account: 'web', ready: false }),
      slice('web-a', [], {
        service: 'web',
        endpoints: [ofPod('web-1', '10.1.0.1'), ofPod('web-2', '10.1.0.2', { ready: false })],
      }),
      slice('web-b', [], {
        service: 'web',
        endpoints: [
          { addresses: ['10.1.0.1'] },
          {
            addresses: ['10.1.0.3'],
            zone: 'eu-2',
            conditions: { ready: false, serving: true, terminating: true },
          },
        ],
      }),
      clusterService('web', {
        ports: [
          { name: 'http', port: 80, targetPort: 8080 },
          { name: 'rpc', port: 90, targetPort: 'rpc', appProtocol: 'kubernetes.io/h2c' },
        ],
      }),
      clusterService('headless', { spec: { clusterIP: 'None' }, ports: [{ port: 3306 }] }),
      clusterService('outside', {
        spec: { type: 'ExternalName', externalName: 'api.example.com' },
        ports: [{ port: 443, name: 'https' }],
      }),
    ),
  )
  const { metadata } = await server.api('GET', slices)
  await record('services', '/api/v1/services')
  await record('services-first-page', '/api/v1/services?limit=1')
  await record('endpointslices', slices)
  await record('pods', '/api/v1/pods')
  await record('nodes', '/api/v1/nodes', metadataOnly)
  await server.apply(yaml(slice('web-a', ['10.1.0.9'], { service: 'web' })))
  await server.remove(yaml(slice('web-b', [])))
  await record('endpointslices-watch', `${slices}?${watching}&resourceVersion=${metadata.resourceVersion}`)
  await record('forbidden', '/api/v1/services', { token: await server.addToken('nobody') })
  await record('unauthorized', '/api/v1/services', { token: 'unknown' })
  await record('bad-token', '/api/v1/services?limit=1&continue=made-up')
  await server.expireWatches()
  await record('expired-watch', `${slices}?${watching}&resourceVersion=1`)
} finally {
  await server.stop()
}
