/** Istio's and the Gateway API's custom resources in a real Kubernetes API: configuration in, status out. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { stringify } from 'yaml'
import { cleanup, until } from '../../support/cleanup.ts'
import {
  type FaultProxy,
  type KubernetesServer,
  startFaultProxy,
  startKubernetes,
} from '../../testbed/index.ts'
import { pilotOn, type RealPilot } from '../support/pilot.ts'
import { crds } from './crds.ts'

const house = cleanup()
let server: KubernetesServer
let proxy: FaultProxy
let pilots: readonly RealPilot[]

before(
  async () => {
    server = house.add(await startKubernetes(), (it) => it.stop())
    await server.apply(await crds('istio'))
    await server.apply(stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'pilothouse' } }))
    proxy = house.add(await startFaultProxy(server.url), (it) => it.stop())
    const kubeconfig = await server.kubeconfigFor({ url: proxy.url, caFile: proxy.caFile })
    const config = [{ kind: 'kubernetes', kubeconfig }]
    pilots = await Promise.all([0, 1].map(() => pilotOn(house, [], { config })))
  },
  { timeout: 180_000 },
)
after(() => house.end())

const networking = '/apis/networking.istio.io/v1/namespaces/default'
const entry = (name: string, spec: object = {}) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'ServiceEntry',
  metadata: { name, namespace: 'default' },
  spec: {
    hosts: [`${name}.example.com`],
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
    resolution: 'STATIC',
    location: 'MESH_INTERNAL',
    endpoints: [{ address: '10.1.0.1' }],
    ...spec,
  },
})
const apply = (...objects: object[]) => server.apply(objects.map((each) => stringify(each)).join('---\n'))
const read = (name: string) => server.api('GET', `${networking}/serviceentries/${name}`)
const reconciled = async (name: string) => {
  const { status, metadata } = await read(name)
  const found = status?.conditions?.find((one: { type: string }) => one.type === 'Reconciled')
  return found && { ...found, current: found.observedGeneration === metadata.generation }
}
const endpointsOf = async (pilot: RealPilot, host: string): Promise<string[]> =>
  (await pilot.rest(`/debug/endpointz?service=${host}`)).map((one: { address: string }) => one.address)

test('an object becomes a service of every Pilot, and its status says so', { timeout: 60_000 }, async () => {
  await apply(entry('orders'))
  for (const pilot of pilots)
    await until(
      'the endpoint',
      async () => (await endpointsOf(pilot, 'orders.example.com'))[0] === '10.1.0.1',
    )
  const condition = await until('the condition', () => reconciled('orders'))
  assert.deepEqual([condition.status, condition.reason, condition.current], ['True', 'Accepted', true])
})

test('a refused object: the last good version is served, the status tells place, cause and remedy', {
  timeout: 60_000,
}, async () => {
  await apply(entry('refused'))
  await until('the condition', () => reconciled('refused'))
  await apply(entry('refused', { endpoints: [{ address: '10.1.0.2', ports: { nosuch: 81 } }] }))
  const condition = await until('a new condition', async () => {
    const now = await reconciled('refused')
    return now?.current && now.status === 'False' && now
  })
  assert.equal(condition.reason, 'Invalid')
  assert.match(condition.message, /^PH\d{4} spec\./)
  const { status } = await read('refused')
  assert.equal(status.validationMessages[0].level, 'ERROR')
  assert.deepEqual(await endpointsOf(pilots[0]!, 'refused.example.com'), ['10.1.0.1'])
})

test('only one Pilot writes, and another takes over when it is killed', { timeout: 90_000 }, async () => {
  const lease = () =>
    server.api('GET', '/apis/coordination.k8s.io/v1/namespaces/pilothouse/leases/pilothouse-status')
  const before = (await lease()).spec.holderIdentity
  assert.ok(before)
  await server.api(
    'PATCH',
    '/apis/coordination.k8s.io/v1/namespaces/pilothouse/leases/pilothouse-status',
    JSON.stringify({
      spec: { holderIdentity: 'somebody-else', renewTime: new Date().toISOString().replace('Z', '000Z') },
    }),
    { 'content-type': 'application/merge-patch+json' },
  )
  // Nobody may write until the lease of somebody-else has run out.
  await apply(entry('election'))
  await until(
    'the endpoint',
    async () => (await endpointsOf(pilots[0]!, 'election.example.com')).length === 1,
  )
  await until(
    'a Pilot to take the lease',
    async () => (await lease()).spec.holderIdentity !== 'somebody-else',
    40_000,
  )
  const condition = await until('the condition', () => reconciled('election'))
  assert.equal(condition.status, 'True')
  assert.ok((await lease()).spec.leaseTransitions >= 1)
})

test('status is written once: nothing is written at rest', { timeout: 60_000 }, async () => {
  const versions = async () => {
    const { items } = await server.api('GET', `${networking}/serviceentries`)
    return items.map((one: { metadata: { resourceVersion: string } }) => one.metadata.resourceVersion)
  }
  const before = await versions()
  proxy.forget()
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  assert.deepEqual(await versions(), before)
  assert.equal(
    proxy.requests(({ method }) => method === 'PATCH'),
    0,
  )
})

test('an outage takes nothing away, and what changed meanwhile is there afterwards', {
  timeout: 90_000,
}, async () => {
  await proxy.mode('refuse')
  await apply(entry('meanwhile'))
  await server.remove(stringify(entry('election')))
  const state = async (): Promise<string> => {
    const { registries } = await pilots[0]!.rest('/debug/registryz?limit=1')
    return registries.find(({ name }: { name: string }) => name.startsWith('serviceentry/')).state
  }
  await until('the registry to be stale', async () => (await state()) === 'stale', 60_000)
  assert.deepEqual(await endpointsOf(pilots[0]!, 'orders.example.com'), ['10.1.0.1'])
  await proxy.mode('pass')
  await until(
    'what is new',
    async () => (await endpointsOf(pilots[0]!, 'meanwhile.example.com')).length === 1,
    60_000,
  )
  await until(
    'what is gone',
    async () => (await endpointsOf(pilots[0]!, 'election.example.com').catch(() => [])).length === 0,
    20_000,
  )
})

test('the Gateway API installed later is read; kinds without effect are told', {
  timeout: 90_000,
}, async () => {
  await server.apply(await crds('gatewayApi'))
  await apply({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'web', namespace: 'default' },
    spec: { hostnames: ['web.example.com'] },
  })
  // A resource that is not installed is looked for every 30 s.
  const issues = async (): Promise<{ code: string; at: string }[]> =>
    (await pilots[0]!.rest('/debug/push_status')).issues
  const issue = await until(
    'the issue',
    async () => (await issues()).find(({ at }) => at?.includes('HTTPRoute/default/web')),
    60_000,
  )
  assert.equal(issue.code, 'PH1007')
})
