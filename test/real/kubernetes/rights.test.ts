/** Least rights in a real cluster: what is allowed is served; rights and tokens that go and come back. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { ofPod, pod, slice } from '../../registries/kubernetes-objects.ts'
import { cleanup } from '../../support/cleanup.ts'
import {
  type FaultProxy,
  type KubernetesServer,
  type RbacRule,
  startFaultProxy,
  startKubernetes,
} from '../../testbed/index.ts'
import { clusterService, put, yaml } from './objects.ts'
import { type RegistryOptions, registryOn, type Watched, watch } from './watch.ts'

const house = cleanup()
let server: KubernetesServer

const verbs = ['list', 'watch']
const endpoints: readonly RbacRule[] = [
  { apiGroups: [''], resources: ['services'], verbs },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs },
]
const pods: RbacRule = { apiGroups: [''], resources: ['pods'], verbs }
const nodes: RbacRule = { apiGroups: [''], resources: ['nodes'], verbs }

const node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: 'node1',
    labels: { 'topology.kubernetes.io/region': 'eu', 'topology.kubernetes.io/zone': 'eu-1' },
  },
}

before(
  async () => {
    server = house.add(await startKubernetes(), (it) => it.stop())
    await server.apply(
      yaml(
        node,
        pod('web-1', '10.1.0.1', { labels: { version: 'v1' }, account: 'web' }),
        slice('web', [], { endpoints: [{ ...ofPod('web-1', '10.1.0.1'), zone: 'eu-1' }] }),
        clusterService('web'),
      ),
    )
  },
  { timeout: 150_000 },
)
after(() => house.end())

async function follow(t: TestContext, account: string, options: RegistryOptions = {}) {
  const token = await server.addToken(account)
  const { registry, warnings } = registryOn(await server.kubeconfigFor(server, token), options)
  const watched = watch(registry)
  t.after(watched.stop)
  return { watched, warnings, only: () => watched.service('web')!.endpoints[0]! }
}

/** A watch that stands is not asked for its rights again: its connections are cut now and then. */
async function denied(watched: Watched, proxy: FaultProxy, reason: RegExp): Promise<void> {
  const cutting = setInterval(proxy.cut, 500)
  const isDenied = () => watched.trouble()?.error.code === 'PH3002'
  await watched.until('trouble', isDenied, 30_000).finally(() => clearInterval(cutting))
  assert.match(watched.trouble()!.error.message, reason)
}

test('with list and watch on four resources everything is there', async (t) => {
  await server.allow('all', [...endpoints, pods, nodes])
  const { watched, warnings, only } = await follow(t, 'all')
  await watched.until('synced', () => watched.service('web'))
  assert.deepEqual(only().locality, { region: 'eu', zone: 'eu-1', subzone: '' })
  assert.equal(only().labels.version, 'v1')
  assert.equal(only().serviceAccount, 'web')
  assert.deepEqual(warnings, [])
})

test('without nodes: no region, said once, and the rest is served', async (t) => {
  await server.allow('no-nodes', [...endpoints, pods])
  const { watched, warnings, only } = await follow(t, 'no-nodes')
  await watched.until('synced', () => watched.service('web'))
  // The pod's own labels serve.
  assert.deepEqual(only().locality, { region: 'eu', zone: 'eu-1', subzone: '' })
  assert.equal(only().labels.version, 'v1')
  await new Promise((resolve) => setTimeout(resolve, 1000))
  assert.equal(warnings.length, 1)
  assert.match(JSON.stringify(warnings[0]), /api\/v1\/nodes.*403.*regions/)
})

test('without pods: no labels, and the rest is served', async (t) => {
  await server.allow('no-pods', endpoints)
  const { watched, only } = await follow(t, 'no-pods')
  await watched.until('synced', () => watched.service('web'))
  assert.deepEqual(only().labels, {})
  assert.deepEqual(only().locality, { region: '', zone: 'eu-1', subzone: '' })
  assert.equal(watched.workloads.size, 0)
  await put(server, 'late', ['10.5.0.1'])
  await watched.until('a change', () => watched.addresses('late') === '10.5.0.1')
  await server.allow('no-pods', [...endpoints, pods, nodes])
  await watched.until('they may be read now', () => only().locality?.region === 'eu' && only().labels.version)
})

test('a Role in each namespace is enough for a list of namespaces', async (t) => {
  const token = await server.addToken('roles')
  const metadata = { name: 'pilothouse', namespace: 'default' }
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata }
  await server.apply(
    yaml(
      { ...role, kind: 'Role', rules: [...endpoints, pods] },
      {
        ...role,
        kind: 'RoleBinding',
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'pilothouse' },
        subjects: [{ kind: 'ServiceAccount', name: 'roles', namespace: 'default' }],
      },
    ),
  )
  const { registry } = registryOn(await server.kubeconfigFor(server, token), { namespaces: ['default'] })
  const watched = watch(registry)
  t.after(watched.stop)
  await watched.until('synced', () => watched.service('web')?.endpoints[0]?.labels.version === 'v1')
})

test('rights taken at run time and given back: nothing goes, and it comes right', async (t) => {
  const proxy = await startFaultProxy(server.url)
  t.after(() => proxy.stop())
  await server.allow('fickle', [...endpoints, pods, nodes])
  const token = await server.addToken('fickle')
  const watched = watch(registryOn(await server.kubeconfigFor(proxy, token)).registry)
  t.after(watched.stop)
  await watched.until('synced', () => watched.service('web'))
  watched.guard({ web: 1 })
  await server.deny('fickle')
  await denied(watched, proxy, / 403 /)
  await server.allow('fickle', [...endpoints, pods, nodes])
  await watched.until('the end of it', () => !watched.trouble())
  await put(server, 'fickle', ['10.6.0.1'])
  await watched.until('a change', () => watched.addresses('fickle') === '10.6.0.1')
  assert.deepEqual(watched.lows(), [])
  assert.ok(!JSON.stringify(watched.updates).includes(token))
})

test('a token that ends, and a new one: of a file, and of an exec plugin', {
  timeout: 120_000,
}, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'pilothouse-token-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const proxy = await startFaultProxy(server.url)
  t.after(() => proxy.stop())
  await server.allow('brief', [...endpoints, pods, nodes])
  const made = JSON.parse(readFileSync(await server.kubeconfigFor(proxy, 'unused'), 'utf8'))
  const plugin = join(directory, 'plugin.json')
  const apiVersion = 'client.authentication.k8s.io/v1'
  const follow = (name: string, user: object) => {
    const kubeconfig = join(directory, name)
    writeFileSync(kubeconfig, JSON.stringify({ ...made, users: [{ name: 'testbed', user }] }))
    const watched = watch(registryOn(kubeconfig).registry)
    t.after(watched.stop)
    return watched
  }
  const give = (token: string) => {
    writeFileSync(join(directory, 'token'), `${token}\n`)
    writeFileSync(plugin, JSON.stringify({ apiVersion, kind: 'ExecCredential', status: { token } }))
  }
  const all = [
    follow('by-file', { tokenFile: 'token' }),
    follow('by-plugin', { exec: { apiVersion, command: 'cat', args: [plugin] } }),
  ]
  for (const watched of all) {
    await watched.until('trouble', () => watched.trouble())
    assert.equal(watched.trouble()!.error.code, 'PH3002')
    assert.match(watched.trouble()!.error.message, /no credentials: .*(ENOENT|No such file)/)
  }
  give(await server.addToken('brief'))
  for (const watched of all) {
    await watched.until('synced', () => watched.service('web'))
    watched.guard({ web: 1 })
  }
  await server.removeToken('brief')
  await Promise.all(all.map((watched) => denied(watched, proxy, / 401 /)))
  give(await server.addToken('brief'))
  for (const watched of all) await watched.until('the end of it', () => !watched.trouble())
  await put(server, 'brief', ['10.7.0.1'])
  for (const watched of all) {
    await watched.until('a change', () => watched.addresses('brief') === '10.7.0.1')
    assert.deepEqual(watched.lows(), [])
  }
})
