/** The contract of every registry, by a real kube-apiserver. */
import { after, before } from 'node:test'
import { stringify } from 'yaml'
import { registryContract } from '../../contract/registry.ts'
import { service, slice } from '../../registries/kubernetes-objects.ts'
import { cleanup } from '../../support/cleanup.ts'
import {
  type FaultProxy,
  type KubernetesServer,
  startFaultProxy,
  startKubernetes,
} from '../../testbed/index.ts'
import { registryOn } from './watch.ts'

const house = cleanup()
let server: KubernetesServer
let proxy: FaultProxy
let namespaces = 0

before(
  async () => {
    server = house.add(await startKubernetes(), (it) => it.stop())
    proxy = house.add(await startFaultProxy(server.url), (it) => it.stop())
  },
  { timeout: 150_000 },
)
after(() => house.end())

registryContract('kubernetes (kube-apiserver 1.36)', async (t) => {
  // In `default` there is always a Service.
  const namespace = `contract-${++namespaces}`
  await server.apply(stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }))
  await proxy.mode('pass')
  t.after(() => proxy.mode('pass'))
  const { registry, open } = registryOn(await server.kubeconfigFor(proxy), { namespaces: [namespace] })
  const there = new Set<string>()
  const objects = (name: string, addresses: readonly string[]) => [
    slice(name, addresses, { namespace }),
    service(name, {
      namespace,
      spec: { clusterIP: undefined, clusterIPs: undefined, ipFamilies: undefined },
    }),
  ]
  const yaml = (list: readonly object[]) => list.map((it) => stringify(it)).join('---\n')
  return {
    registry,
    async set(services) {
      for (const { name, addresses } of services) {
        there.add(name)
        const [endpoints, owner] = objects(name, addresses)
        await server.apply(yaml([endpoints!]))
        await server.apply(yaml([owner!]))
      }
      const names = new Set(services.map(({ name }) => name))
      for (const name of [...there].filter((it) => !names.has(it))) {
        there.delete(name)
        await server.remove(yaml(objects(name, [])))
      }
    },
    repeat: () => proxy.cut(),
    break: () => proxy.mode('refuse'),
    heal: () => proxy.mode('pass'),
    open,
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  }
})
