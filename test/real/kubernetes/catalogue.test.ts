/** Services, slices, pods and nodes of a real API to services and workloads, and their changes. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ofPod, pod, slice } from '../../registries/kubernetes-objects.ts'
import { cleanup } from '../../support/cleanup.ts'
import { type KubernetesServer, startKubernetes } from '../../testbed/index.ts'
import { clusterService, yaml } from './objects.ts'
import { registryOn, type Watched, watch } from './watch.ts'

const house = cleanup()
let server: KubernetesServer
let watched: Watched

before(
  async () => {
    server = house.add(await startKubernetes(), (it) => it.stop())
    watched = house.add(
      watch(registryOn(server.kubeconfig, { network: 'net1', cluster: 'east' }).registry),
      (it) => it.stop(),
    )
    await watched.until('synced', () => watched.updates.length > 0)
  },
  { timeout: 150_000 },
)
after(() => house.end())

const apply = (...objects: object[]) => server.apply(yaml(...objects))
const endpoint = (name: string, index = 0) => watched.service(name)!.endpoints[index]!

test('the API itself is a service', async () => {
  await watched.until('it', () => watched.service('kubernetes')?.endpoints.length === 1)
  const { ports, addresses, endpoints } = watched.service('kubernetes')!
  assert.deepEqual(addresses, ['10.96.0.1'])
  assert.deepEqual(ports, [{ name: 'https', port: 443, protocol: 'HTTPS', targetPort: server.port }])
  assert.equal(endpoints[0]!.address, '192.0.2.1')
})

test('pods give labels, identity, place; their changes re-make their services only', async () => {
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node1', labels: { 'topology.kubernetes.io/region': 'eu' } },
  }
  await apply(
    node,
    pod('web-1', '10.1.0.1', { labels: { app: 'web', version: 'v1' }, account: 'web' }),
    slice('web-a', [], { service: 'web', endpoints: [ofPod('web-1', '10.1.0.1')] }),
    clusterService('web'),
    slice('other', ['10.1.0.99']),
    clusterService('other'),
  )
  await watched.until('labels', () => watched.service('web')?.endpoints[0]?.labels.version === 'v1')
  await watched.until('place', () => endpoint('web').locality?.region === 'eu')
  // Kubernetes 1.35 copies the node's topology labels to a pod where it is bound.
  const { 'topology.kubernetes.io/region': _region, ...labels } = endpoint('web').labels
  assert.deepEqual(labels, {
    ...{ app: 'web', version: 'v1', 'kubernetes.io/hostname': 'node1' },
    'topology.istio.io/cluster': 'east',
  })
  assert.equal(endpoint('web').serviceAccount, 'web')
  assert.equal(endpoint('web').network, 'net1')
  assert.equal(endpoint('web').workload, 'web-1')
  assert.equal(endpoint('web').origin.object, 'Pod/default/web-1')
  const workload = watched.workloads.get('default/web-1')!
  assert.equal(workload.address, '10.1.0.1')
  assert.equal(workload.health, 'HEALTHY')

  await watched.until('the other one', () => watched.service('other')?.endpoints.length === 1)
  const before = watched.updates.length
  await apply(pod('web-1', '10.1.0.1', { labels: { app: 'web', version: 'v2' }, account: 'web' }))
  await watched.until('new labels', () => endpoint('web').labels.version === 'v2')
  for (const update of watched.updates.slice(before)) {
    assert.ok(update.kind === 'delta')
    for (const { hostname } of update.changed) assert.equal(hostname, 'web.default.svc.cluster.local')
  }
})

test('a pod told after its slice: the endpoint waits for its labels', async () => {
  await apply(slice('late', [], { endpoints: [ofPod('late-1', '10.1.1.1')] }), clusterService('late'))
  await watched.until('the service', () => watched.service('late'))
  await apply(pod('late-1', '10.1.1.1', { labels: { version: 'v1' } }))
  await watched.until('the endpoint', () => watched.service('late')!.endpoints.length === 1)
  await watched.until('its labels', () => endpoint('late').labels.version === 'v1')
})

test('a slice that names a pod that is not there: the endpoint comes without labels', async () => {
  await apply(slice('orphan', [], { endpoints: [ofPod('nobody', '10.1.2.1')] }), clusterService('orphan'))
  await watched.until('the endpoint', () => watched.addresses('orphan') === '10.1.2.1')
})

test('a pod that is deleted first keeps its labels until its slice lets go of it', async () => {
  await apply(
    pod('leaving-1', '10.1.3.1', { labels: { version: 'v1' } }),
    slice('leaving', [], { endpoints: [ofPod('leaving-1', '10.1.3.1')] }),
    clusterService('leaving'),
  )
  await watched.until('it', () => watched.service('leaving')?.endpoints[0]?.labels.version === 'v1')
  await server.api('DELETE', '/api/v1/namespaces/default/pods/leaving-1?gracePeriodSeconds=0')
  await watched.until('the workload went', () => !watched.workloads.has('default/leaving-1'))
  assert.equal(endpoint('leaving').labels.version, 'v1')
  const conditions = { ready: false, serving: true, terminating: true }
  await apply(slice('leaving', [], { endpoints: [ofPod('leaving-1', '10.1.3.1', conditions)] }))
  await watched.until('it drains', () => endpoint('leaving').health === 'DRAINING')
  assert.equal(endpoint('leaving').labels.version, 'v1')
  await apply(slice('leaving', []))
  await watched.until('it went', () => watched.addresses('leaving') === '')
})

test('several slices, duplicates, health', async () => {
  await apply(
    slice('many-a', ['10.1.4.1', '10.1.4.2'], { service: 'many' }),
    slice('many-b', [], {
      service: 'many',
      endpoints: [
        { addresses: ['10.1.4.2'], conditions: { ready: false } },
        { addresses: ['10.1.4.3'], conditions: {} },
        { addresses: ['10.1.4.4'], conditions: { ready: false, serving: false, terminating: true } },
      ],
    }),
    clusterService('many'),
  )
  await watched.until('all', () => watched.service('many')?.endpoints.length === 4)
  assert.deepEqual(
    watched.service('many')!.endpoints.map(({ address, health }) => `${address} ${health}`),
    ['10.1.4.1 HEALTHY', '10.1.4.2 UNHEALTHY', '10.1.4.3 HEALTHY', '10.1.4.4 UNHEALTHY'],
  )
  await server.remove(yaml(slice('many-b', [])))
  await watched.until('one slice is left', () => watched.addresses('many') === '10.1.4.1 10.1.4.2')
})

test('headless, ExternalName, without a selector, of IPv6', async () => {
  await apply(
    clusterService('headless', { spec: { clusterIP: 'None' } }),
    clusterService('outside', { spec: { type: 'ExternalName', externalName: 'api.example.com' } }),
    clusterService('six', { metadata: { annotations: { 'networking.istio.io/exportTo': '., team-a' } } }),
    slice('six', ['2001:db8::1'], { addressType: 'IPv6' }),
  )
  await watched.until('all', () => watched.service('six')?.endpoints.length === 1)
  assert.equal(watched.service('headless')!.headless, true)
  assert.deepEqual(watched.service('headless')!.addresses, [])
  const { resolution, location, endpoints, addresses } = watched.service('outside')!
  assert.deepEqual([resolution, location, addresses], ['DNS', 'MESH_EXTERNAL', []])
  assert.equal(endpoints[0]!.address, 'api.example.com')
  assert.equal(watched.addresses('six'), '2001:db8::1')
  assert.deepEqual(watched.service('six')!.exportTo, ['.', 'team-a'])
})

test('a burst is told in few words', async () => {
  const before = watched.updates.length
  const names = Array.from({ length: 40 }, (_, i) => `burst-${i}`)
  await Promise.all(names.map((name, i) => apply(slice(name, [`10.4.0.${i + 1}`]), clusterService(name))))
  await watched.until('all', () => names.every((name) => watched.service(name)?.endpoints.length === 1))
  assert.ok(watched.updates.length - before <= 80)
})
