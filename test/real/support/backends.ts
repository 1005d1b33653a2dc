/**
 * The real registries under one interface: each holds instances of a service `orders`, and each Pilot that is given
 * their settings sees them all as one hostname.
 */
import { execFileSync } from 'node:child_process'
import { networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cleanup } from '../../support/cleanup.ts'
import {
  type ConsulOptions,
  type EurekaOptions,
  type ServerProcess,
  startConsul,
  startEureka,
  startKubernetes,
  startNomad,
} from '../../testbed/index.ts'

export const hostname = 'orders.default.svc.cluster.local'

export interface Instance {
  /** Letters, digits and dashes; unique in its backend. */
  readonly id: string
  readonly address: string
  readonly port: number
}

export interface Backend {
  readonly kind: string
  /** Of the Pilot's registry. */
  readonly name: string
  /** Its entry in the settings; `url` where the Pilot goes by a proxy. */
  settings(url?: string): object
  readonly url: string
  /** Resolves when the registry's own API has said yes (Nomad: when it lists the registration and runs the allocation). */
  register(instance: Instance): Promise<void>
  deregister(id: string): Promise<void>
  kill(): Promise<void>
  pause(): void
  resume(): void
  restart(options: { readonly keepData: boolean }): Promise<void>
}

const common = { port: 80, protocol: 'HTTP' } as const

export async function consulBackend(house: Cleanup, options: ConsulOptions = {}): Promise<Backend> {
  const server = house.add(await startConsul(options), (it) => it.stop())
  return {
    ...processOf(server),
    kind: 'consul',
    name: 'consul/dc1',
    url: server.url,
    settings: (url = server.url) => ({
      ...common,
      kind: 'consul',
      name: 'dc1',
      address: url,
      hostname: '{service}.default.svc.cluster.local',
      ...(server.token && { token: server.token }),
    }),
    register: ({ id, address, port }) =>
      server.api('PUT', '/v1/agent/service/register', {
        Name: 'orders',
        ID: id,
        Address: address,
        Port: port,
      }),
    deregister: (id) => server.api('PUT', `/v1/agent/service/deregister/${id}`),
  }
}

/** A Nomad service is a job's: one job for each instance, whose task does nothing but live. */
export async function nomadBackend(house: Cleanup): Promise<Backend> {
  const server = house.add(await startNomad(), (it) => it.stop())
  const ids = async (): Promise<readonly string[]> => {
    const all: { ID: string; JobID: string }[] = await server.api('GET', '/v1/service/orders').catch(() => [])
    return all.map(({ JobID }) => JobID)
  }
  const runs = async (id: string): Promise<boolean> => {
    const all: { ClientStatus: string }[] = await server.api('GET', `/v1/job/${id}/allocations`)
    return all.some(({ ClientStatus }) => ClientStatus === 'running')
  }
  return {
    ...processOf(server),
    kind: 'nomad',
    name: 'nomad/global',
    url: server.url,
    settings: (url = server.url) => ({
      ...common,
      kind: 'nomad',
      name: 'global',
      address: url,
      hostname: '{service}.{namespace}.svc.cluster.local',
    }),
    async register(instance) {
      await server.api('POST', '/v1/jobs', { Job: nomadJob(instance) })
      // Group services are listed before their tasks run: what Nomad can tell is complete when both are said.
      const deadline = Date.now() + 60_000
      while (!((await ids()).includes(instance.id) && (await runs(instance.id)))) {
        if (Date.now() > deadline) throw new Error(`Nomad does not run ${instance.id}`)
        await sleep(10)
      }
    },
    deregister: (id) => server.api('DELETE', `/v1/job/${id}?purge=true`),
  }
}

const nomadJob = ({ id, address, port }: Instance) => ({
  ID: id,
  Name: id,
  Type: 'service',
  Datacenters: ['*'],
  TaskGroups: [
    {
      Name: 'orders',
      Count: 1,
      Services: [{ Name: 'orders', Provider: 'nomad', Address: address, PortLabel: String(port) }],
      Tasks: [
        {
          Name: 'live',
          Driver: 'raw_exec',
          Config: { command: '/bin/sleep', args: ['100000'] },
          Resources: { CPU: 20, MemoryMB: 16 },
          KillTimeout: 1_000_000_000,
        },
      ],
    },
  ],
})

export async function eurekaBackend(house: Cleanup, options: EurekaOptions = {}): Promise<Backend> {
  const server = house.add(await startEureka(options), (it) => it.stop())
  const known = new Map<string, Instance>()
  const register = ({ id, address, port }: Instance) =>
    server.register({ app: 'orders', instanceId: id, address, port, leaseDuration: 90 })
  // As Eureka's clients do: a heartbeat, and a registration again where the server has lost it.
  const beat = async () => {
    for (const instance of known.values())
      if (!(await server.heartbeat('ORDERS', instance.id).catch(() => true)))
        await register(instance).catch(() => {})
  }
  const timer = house.add(
    setInterval(() => void beat(), 2_000),
    (it) => clearInterval(it),
  )
  timer.unref()
  return {
    ...processOf(server),
    kind: 'eureka',
    name: 'eureka/one',
    url: server.url,
    settings: (url = server.url) => ({
      ...common,
      kind: 'eureka',
      name: 'one',
      serviceUrls: [url],
      hostname: '{vip}.default.svc.cluster.local',
      registryFetchInterval: '1s',
    }),
    async register(instance) {
      known.set(instance.id, instance)
      await register(instance)
    },
    async deregister(id) {
      known.delete(id)
      await server.cancel('ORDERS', id)
    },
  }
}

/** A Service, and an EndpointSlice for each instance. Its addresses must not be loopback: see `outerAddress`. */
export async function kubernetesBackend(house: Cleanup): Promise<Backend> {
  const server = house.add(await startKubernetes(), (it) => it.stop())
  const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'
  await server.api('POST', '/api/v1/namespaces/default/services', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'orders' },
    spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  })
  return {
    kind: 'kubernetes',
    name: 'kubernetes/testbed',
    url: server.url,
    settings: () => ({ kind: 'kubernetes', name: 'testbed', kubeconfig: server.kubeconfig }),
    register: ({ id, address, port }) =>
      server.api('POST', slices, {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: id, labels: { 'kubernetes.io/service-name': 'orders' } },
        addressType: 'IPv4',
        ports: [{ name: 'http', port, protocol: 'TCP' }],
        endpoints: [{ addresses: [address], conditions: { ready: true } }],
      }),
    deregister: (id) => server.api('DELETE', `${slices}/${id}`),
    kill: () => server.kill(),
    pause: () => server.apiserver.pause(),
    resume: () => server.apiserver.resume(),
    restart: (options) => server.restart(options),
  }
}

const processOf = (server: ServerProcess): Pick<Backend, 'kill' | 'pause' | 'resume' | 'restart'> => ({
  kill: () => server.kill(),
  pause: () => server.pause(),
  resume: () => server.resume(),
  restart: (options) => server.restart(options),
})

/** An address of this machine that Kubernetes takes for an endpoint: one added to the loopback interface, else its own. */
export function outerAddress(house: Cleanup): string {
  const address = `198.18.${Math.floor(Math.random() * 256)}.${1 + Math.floor(Math.random() * 254)}`
  try {
    execFileSync('ip', ['address', 'add', `${address}/32`, 'dev', 'lo'], { stdio: 'ignore' })
    house.add(address, (it) => execFileSync('ip', ['address', 'del', `${it}/32`, 'dev', 'lo']))
    return address
  } catch {
    const own = Object.values(networkInterfaces()).flatMap((all) => all ?? [])
    const outer = own.find(({ family, internal }) => family === 'IPv4' && !internal)
    if (outer) return outer.address
    throw new Error('this machine has no address but loopback: run as root, with iproute2')
  }
}
