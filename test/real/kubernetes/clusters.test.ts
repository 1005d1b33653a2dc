/** Two clusters in one Pilot, each by its own kubeconfig: with one domain their services meet, with another they don't. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { cleanup, until } from '../../support/cleanup.ts'
import { type KubernetesServer, startKubernetes } from '../../testbed/index.ts'
import { pilotOn, type RealPilot } from '../support/pilot.ts'

const house = cleanup()
let clusters: readonly KubernetesServer[]
let pilot: RealPilot

before(
  async () => {
    clusters = await Promise.all(
      [0, 1].map(async () => house.add(await startKubernetes(), (it) => it.stop())),
    )
    for (const [n, cluster] of clusters.entries()) {
      await cluster.apply(service('orders', `10.1.${n}.1`))
      await cluster.apply(service(`only-${n}`, `10.1.${n}.2`))
    }
    const [east, west] = clusters as [KubernetesServer, KubernetesServer]
    pilot = await pilotOn(house, [
      { kind: 'kubernetes', name: 'east', kubeconfig: east.kubeconfig, network: 'net-east' },
      { kind: 'kubernetes', name: 'west', kubeconfig: west.kubeconfig, network: 'net-west' },
      { kind: 'kubernetes', name: 'west-by-itself', kubeconfig: west.kubeconfig, domain: 'west.example' },
    ])
  },
  { timeout: 170_000 },
)
after(() => house.end())

const service = (name: string, address: string) => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: default }
spec: { ports: [{ name: http, port: 80, targetPort: 8080 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-1, namespace: default, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ name: http, port: 8080, protocol: TCP }]
endpoints: [{ addresses: ["${address}"], conditions: { ready: true } }]
`
const endpoints = async (host: string): Promise<string[]> =>
  (await pilot.rest(`/debug/endpointz?service=${host}`)).map(
    (one: { address: string; network: string; registry: string }) =>
      `${one.registry} ${one.network} ${one.address}`,
  )

test('one domain: services of one name are one, each endpoint in its own network', async () => {
  assert.deepEqual(await endpoints('orders.default.svc.cluster.local'), [
    'kubernetes/east net-east 10.1.0.1',
    'kubernetes/west net-west 10.1.1.1',
  ])
  assert.deepEqual(await endpoints('only-1.default.svc.cluster.local'), ['kubernetes/west net-west 10.1.1.2'])
})

test('a domain of its own: the same cluster again, under other names', async () => {
  assert.deepEqual(await endpoints('orders.default.svc.west.example'), [
    'kubernetes/west-by-itself  10.1.1.1',
  ])
})

test('one away is stale, and the other speaks on', { timeout: 90_000 }, async () => {
  const [east, west] = clusters as [KubernetesServer, KubernetesServer]
  await west.kill()
  const state = async (name: string): Promise<string> =>
    (await pilot.rest('/debug/registryz?limit=1')).registries.find(
      (one: { name: string }) => one.name === name,
    ).state
  await until('west to be stale', async () => (await state('kubernetes/west')) === 'stale', 60_000)
  assert.equal(await state('kubernetes/east'), 'fresh')
  await east.apply(service('orders', '10.1.0.9'))
  await until('what east says', async () =>
    (await endpoints('orders.default.svc.cluster.local')).includes('kubernetes/east net-east 10.1.0.9'),
  )
  assert.ok(
    (await endpoints('orders.default.svc.cluster.local')).includes('kubernetes/west net-west 10.1.1.1'),
  )
})
