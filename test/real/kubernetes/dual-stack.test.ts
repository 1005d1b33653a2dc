/** A cluster with both families: cluster IPs of each, a slice for each, and pods that are in both. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ofPod, pod, slice } from '../../registries/kubernetes-objects.ts'
import { cleanup } from '../../support/cleanup.ts'
import { type KubernetesServer, startKubernetes } from '../../testbed/index.ts'
import { clusterService, yaml } from './objects.ts'
import { registryOn, watch } from './watch.ts'

const house = cleanup()
let server: KubernetesServer

before(
  async () => {
    const apiserverFlags = ['--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112']
    server = house.add(await startKubernetes({ apiserverFlags }), (it) => it.stop())
  },
  { timeout: 150_000 },
)
after(() => house.end())

test('both cluster IPs; each pod once, by the first family of its service; a zone that slices say', async (t) => {
  const families = (...ipFamilies: string[]) => ({
    spec: { ipFamilyPolicy: 'RequireDualStack', ipFamilies },
  })
  const both = (name: string) => [
    slice(`${name}-4`, [], { service: name, endpoints: [ofPod('web-1', '10.1.0.1')] }),
    slice(`${name}-6`, [], {
      service: name,
      addressType: 'IPv6',
      endpoints: [ofPod('web-1', 'fd00:1::1')],
    }),
  ]
  const zoned = { addresses: ['10.1.0.9'], zone: 'eu-2', hints: { forZones: [{ name: 'eu-1' }] } }
  await server.apply(
    yaml(
      pod('web-1', '10.1.0.1', { labels: { app: 'web' } }),
      ...both('four'),
      ...both('six'),
      slice('zoned', [], { endpoints: [zoned] }),
      clusterService('four', families('IPv4', 'IPv6')),
      clusterService('six', families('IPv6', 'IPv4')),
      clusterService('zoned'),
    ),
  )
  const watched = watch(registryOn(server.kubeconfig).registry)
  t.after(watched.stop)
  await watched.until('four', () => watched.addresses('four') === '10.1.0.1')
  await watched.until('six', () => watched.addresses('six') === 'fd00:1::1')
  const familiesOf = (name: string) =>
    watched.service(name)!.addresses.map((ip) => (ip.includes(':') ? 'IPv6' : 'IPv4'))
  assert.deepEqual(familiesOf('four'), ['IPv4', 'IPv6'])
  assert.deepEqual(familiesOf('six'), ['IPv6', 'IPv4'])
  assert.equal(watched.service('six')!.endpoints[0]!.labels.app, 'web')
  // Where it is, not for whom kube-proxy would keep it.
  await watched.until('zoned', () => watched.service('zoned')?.endpoints[0]?.locality?.zone === 'eu-2')
  await server.remove(yaml(slice('four-4', [], { service: 'four' })))
  await watched.until('what is left', () => watched.addresses('four') === 'fd00:1::1')
})
