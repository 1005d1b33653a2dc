import { asyncScheduler } from 'rxjs'
import { kubernetesCluster } from '#registries/kubernetes/cluster.ts'
import { kubernetesRegistry } from '#registries/kubernetes/index.ts'
import { TIMING } from '#registries/kubernetes/list-watch.ts'
import { silentLogger } from '#support/logger.ts'
import { registryContract } from '../contract/registry.ts'
import { fakeKubernetes, status } from './kubernetes-fake.ts'
import { SERVICES, SLICES, service, slice } from './kubernetes-objects.ts'

registryContract('kubernetes', () => {
  const fake = fakeKubernetes()
  const connection = { from: 'in-cluster', server: fake.api.url, directory: '/nowhere' } as const
  const deps = { clock: asyncScheduler, log: silentLogger }
  const cluster = kubernetesCluster(connection, {
    ...deps,
    timing: { ...TIMING, backoff: { first: 2, last: 20 } },
    connect: () => fake.api,
  })
  return {
    registry: kubernetesRegistry(
      {
        kind: 'kubernetes',
        name: 'kubernetes/fake',
        connection,
        namespaces: [],
        domain: 'cluster.local',
        network: '',
      },
      { ...deps, cluster },
    ),
    set(services) {
      const names = new Set(services.map(({ name }) => `default/${name}`))
      for (const { name, addresses } of services) {
        fake.put(SLICES, slice(name, addresses))
        fake.put(SERVICES, service(name))
      }
      for (const path of [SERVICES, SLICES])
        for (const key of fake.keys(path))
          if (!names.has(key)) fake.remove(path, key.split('/')[1]!, 'default')
    },
    repeat() {
      fake.cut()
    },
    break() {
      fake.fail(() => status(503, 'etcdserver: no leader'))
      fake.cut(new Error('socket hang up'))
    },
    heal: () => fake.fail(undefined),
    open: () => fake.open(),
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  }
})
