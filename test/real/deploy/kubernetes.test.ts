/** The manifests, applied to a real kube-apiserver; the rights they give, all of them and no more; and the Pilot with just those. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parse, stringify } from 'yaml'
import { type ConfiguredPilot, configuredPilot, folder, freePorts } from '../../deploy/configured.ts'
import { cleanup, until } from '../../support/cleanup.ts'
import { type KubernetesServer, startKubernetes } from '../../testbed/index.ts'

const run = promisify(execFile)
const manifests = fileURLToPath(new URL('../../../deploy/kubernetes', import.meta.url))
const house = cleanup()
let server: KubernetesServer

const kubectl = async (...args: string[]): Promise<string> =>
  (await run('kubectl', ['--kubeconfig', server.kubeconfig, ...args], { maxBuffer: 1 << 26 })).stdout

before(
  async () => {
    server = house.add(await startKubernetes(), (it) => it.stop())
  },
  { timeout: 150_000 },
)
after(() => house.end())

test('kubectl apply -k: all objects are accepted, and a second time nothing changes', async () => {
  const applied = await kubectl('apply', '-k', manifests)
  for (const kind of [
    ...['namespace/', 'serviceaccount/', 'clusterrole.', 'clusterrolebinding.', 'role.', 'rolebinding.'],
    ...['configmap/', 'service/', 'deployment.apps/', 'poddisruptionbudget.'],
  ])
    assert.match(applied, new RegExp(`^${kind}[^ ]* created$`, 'm'))
  const generation = async () => {
    const { items } = JSON.parse(await kubectl('-n', 'pilothouse', 'get', 'deployment,pdb', '-o', 'json'))
    return items.map(({ metadata }: { metadata: { generation: number } }) => metadata.generation)
  }
  const before = await generation()
  assert.doesNotMatch(await kubectl('apply', '-k', manifests), /created/)
  assert.deepEqual(await generation(), before)
})

test('the pod is one that the restricted pod security standard admits', async () => {
  const { spec } = JSON.parse(
    await kubectl('-n', 'pilothouse', 'get', 'deployment', 'pilothouse', '-o', 'json'),
  )
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'as-deployed', namespace: 'pilothouse', labels: spec.template.metadata.labels },
    spec: spec.template.spec,
  }
  // The namespace enforces it, so that a pod that breaks it is refused.
  await server.api('POST', '/api/v1/namespaces/pilothouse/pods?dryRun=All', pod)
  const privileged = structuredClone(pod)
  privileged.spec.containers[0].securityContext.allowPrivilegeEscalation = true
  await assert.rejects(
    server.api('POST', '/api/v1/namespaces/pilothouse/pods?dryRun=All', privileged),
    /PodSecurity/,
  )
  const grace = spec.template.spec.terminationGracePeriodSeconds
  const container = spec.template.spec.containers[0]
  assert.ok(grace > container.lifecycle.preStop.sleep.seconds + 10)
})

interface Access {
  readonly group: string
  readonly resource: string
  readonly subresource?: string
  readonly verb: string
  readonly namespace?: string
  readonly name?: string
}

async function may(access: Access, account = 'pilothouse:pilothouse'): Promise<boolean> {
  const review = await server.api('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      user: `system:serviceaccount:${account}`,
      groups: [
        'system:serviceaccounts',
        `system:serviceaccounts:${account.split(':')[0]}`,
        'system:authenticated',
      ],
      resourceAttributes: access,
    },
  })
  return review.status.allowed
}

const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection']

/** Every resource that the server knows, with its subresources. */
async function resources(): Promise<Access[]> {
  const { groups } = await server.api('GET', '/apis')
  const paths = [
    ['', '/api/v1'],
    ...groups.map(
      ({ name, preferredVersion }: { name: string; preferredVersion: { groupVersion: string } }) => [
        name,
        `/apis/${preferredVersion.groupVersion}`,
      ],
    ),
  ]
  const all: Access[] = []
  for (const [group, path] of paths) {
    const { resources: own } = await server.api('GET', path)
    for (const { name } of own as { name: string }[]) {
      const [resource = '', subresource] = name.split('/')
      for (const verb of verbs) all.push({ group, resource, ...(subresource && { subresource }), verb })
    }
  }
  return all
}

const text = ({ group, resource, subresource, verb }: Access): string =>
  `${verb} ${resource}${subresource ? `/${subresource}` : ''}${group ? `.${group}` : ''}`

describe('the service account', () => {
  test('may list and watch four kinds of the cluster, of all that the server knows, and nothing else', async () => {
    const all = await resources()
    assert.ok(all.length > 400, `${all.length} rights asked for`)
    const allowed: string[] = []
    for (const access of all) {
      // What everybody who is authenticated may do is no right of ours.
      if ((await may(access)) && !(await may(access, 'default:nobody'))) allowed.push(text(access))
    }
    assert.deepEqual(allowed.sort(), [
      'list endpointslices.discovery.k8s.io',
      'list nodes',
      'list pods',
      'list services',
      'watch endpointslices.discovery.k8s.io',
      'watch nodes',
      'watch pods',
      'watch services',
    ])
  })

  test('may read configuration and write its status, but not the objects; and no secrets anywhere', async () => {
    const of = (verb: string, resource: string, group = 'networking.istio.io', subresource?: string) =>
      may({ verb, resource, group, ...(subresource && { subresource }) })
    for (const verb of ['list', 'watch']) {
      assert.ok(await of(verb, 'virtualservices'))
      assert.ok(await of(verb, 'authorizationpolicies', 'security.istio.io'))
      assert.ok(await of(verb, 'httproutes', 'gateway.networking.k8s.io'))
    }
    assert.ok(await of('patch', 'virtualservices', undefined, 'status'))
    for (const verb of ['create', 'update', 'patch', 'delete'])
      assert.ok(!(await of(verb, 'virtualservices')))
    assert.ok(!(await of('patch', 'httproutes', 'gateway.networking.k8s.io', 'status')))
    for (const namespace of ['pilothouse', 'default', 'kube-system'])
      for (const verb of verbs) {
        assert.ok(!(await may({ group: '', resource: 'secrets', verb, namespace })))
        assert.ok(!(await may({ group: '', resource: 'configmaps', verb, namespace })))
      }
  })

  test('may hold its one Lease in its own namespace', async () => {
    const lease = (verb: string, namespace: string, name?: string) =>
      may({ group: 'coordination.k8s.io', resource: 'leases', verb, namespace, ...(name && { name }) })
    assert.ok(await lease('create', 'pilothouse'))
    for (const verb of ['get', 'update']) {
      assert.ok(await lease(verb, 'pilothouse', 'pilothouse-status'))
      assert.ok(!(await lease(verb, 'pilothouse', 'another')))
      assert.ok(!(await lease(verb, 'kube-system', 'pilothouse-status')))
    }
    assert.ok(!(await lease('create', 'kube-system')))
    assert.ok(!(await lease('delete', 'pilothouse', 'pilothouse-status')))
  })
})

test('the Pilot itself, with the token of the service account and the settings of the ConfigMap', {
  timeout: 60_000,
}, async () => {
  const request = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 3600 },
  }
  const { status } = await server.api(
    'POST',
    '/api/v1/namespaces/pilothouse/serviceaccounts/pilothouse/token',
    request,
  )
  const kubeconfig = await server.kubeconfigFor({ url: server.url }, status.token)
  const { items } = JSON.parse(await kubectl('-n', 'pilothouse', 'get', 'configmap', '-o', 'json'))
  const settings = items.find(({ data }: { data?: object }) => data && 'pilothouse.yaml' in data).data[
    'pilothouse.yaml'
  ]
  const files = await folder(house)
  // In a pod it is the pod's own; the rest stands as it is, but for the state directory, which is the pod's too.
  const known = parse(settings)
  for (const entry of [...known.registries, ...known.config]) entry.kubeconfig = kubeconfig
  await files.settings(stringify({ ...known, stateDir: join(files.path, 'state') }))
  await server.apply(someService)
  const pilot = await configuredPilot(house, files.settingsFile, await freePorts())
  const registries = async () => (await pilot.rest('/debug/registryz')).registries
  const services = async () => (await pilot.rest('/debug/registryz')).services
  await until('the service', async () =>
    (await services()).some(
      ({ hostname }: { hostname: string }) => hostname === 'web.default.svc.cluster.local',
    ),
  )
  for (const { name, state, error } of await registries())
    assert.deepEqual([name, state, error ?? null], [name, 'fresh', null])
  await noComplaint(pilot)
  const lease = '/apis/coordination.k8s.io/v1/namespaces/pilothouse/leases/pilothouse-status'
  await until('the Lease', async () => (await server.api('GET', lease)).spec.holderIdentity)
})

/** Nothing that it wants to do is forbidden. */
async function noComplaint(pilot: ConfiguredPilot): Promise<void> {
  assert.doesNotMatch(pilot.output(), /403|[Ff]orbidden|RBAC/)
  const { issues } = await pilot.rest('/debug/push_status')
  assert.doesNotMatch(JSON.stringify(issues), /[Ff]orbidden|403/)
}

const someService = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec: { ports: [{ name: http, port: 80 }], selector: { app: web } }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: default, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ name: http, port: 8080 }]
endpoints: [{ addresses: [10.1.2.3], conditions: { ready: true } }]
`
