/** A large catalogue: what it costs at the start, at rest, and under 50 changes a second. */
import { setTimeout as sleep } from 'node:timers/promises'
import { pilotOn } from '../../real/support/pilot.ts'
import { type Cleanup, cleanup, until } from '../../support/cleanup.ts'
import { cpuSeconds, rss } from '../../support/proc.ts'
import { type FaultProxy, startConsul, startFaultProxy, startKubernetes } from '../../testbed/index.ts'

export interface SizeRow {
  readonly registry: string
  readonly services: number
  readonly instances: number
  /** From the start of the process to all services in it, seconds. */
  readonly 'sync s': number
  readonly 'RSS MiB': number
  /** Requests to the registry for the sync. */
  readonly 'sync requests': number
  /** Requests a second. */
  readonly 'at rest /s': number
  readonly 'CPU at rest %': number
  readonly '50 changes/s, requests /s': number
  readonly '50 changes/s, CPU %': number
  readonly 'RSS after MiB': number
  /** The same, if each service had its own blocking query of 5 min (plus its share of jitter), as peers do. */
  readonly 'a query a service, at rest /s': string
}

interface Size {
  readonly services: number
  /** Of each service. */
  readonly instances: number
}

/** A catalogue of this size behind a proxy that counts; `change` alters one instance. */
interface Catalogue {
  readonly proxy: FaultProxy
  readonly settings: object
  change(n: number): Promise<unknown>
}

const REST = 20_000
const CHANGES = 500

export async function measureSize(kind: string, size: Size): Promise<SizeRow> {
  const house = cleanup()
  try {
    const filling = performance.now()
    const catalogue = await (kind === 'consul' ? consulOf : kubernetesOf)(house, size)
    console.log(`${kind} holds it after ${seconds(filling)} s`)
    const { proxy } = catalogue
    proxy.forget()
    const began = performance.now()
    const pilot = await pilotOn(house, [catalogue.settings], { startupGrace: '5m' })
    await until('all services', async () => (await services(pilot.adminPort)) >= size.services, 300_000)
    const sync = seconds(began)
    const syncRequests = proxy.requests()
    const rss = memory(pilot.pid)
    await sleep(5_000)
    const rest = await during(proxy, pilot.pid, () => sleep(REST))
    const busy = await during(proxy, pilot.pid, async () => {
      for (let n = 0; n < CHANGES; n++) {
        const next = sleep(20)
        await catalogue.change(n)
        await next
      }
    })
    return {
      registry: kind,
      services: size.services,
      instances: size.services * size.instances,
      'sync s': sync,
      'RSS MiB': rss,
      'sync requests': syncRequests,
      'at rest /s': rest.requests,
      'CPU at rest %': rest.cpu,
      '50 changes/s, requests /s': busy.requests,
      '50 changes/s, CPU %': busy.cpu,
      'RSS after MiB': memory(pilot.pid),
      'a query a service, at rest /s':
        kind === 'consul'
          ? `${(size.services / (300 * (1 + 1 / 32))).toFixed(1)} on ${size.services} connections`
          : '-',
    }
  } finally {
    await house.end()
  }
}

async function services(adminPort: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()
  return Number(/^pilot_services(?:\{[^}]*\})? (\d+)/m.exec(text)?.[1] ?? 0)
}

async function during(proxy: FaultProxy, pid: number, work: () => Promise<unknown>) {
  proxy.forget()
  const [began, cpu] = [performance.now(), cpuSeconds(pid)]
  await work()
  const took = (performance.now() - began) / 1000
  return {
    requests: Math.round((proxy.requests() / took) * 100) / 100,
    cpu: Math.round(((cpuSeconds(pid) - cpu) / took) * 1000) / 10,
  }
}

const memory = (pid: number): number => Math.round(rss(pid))
const seconds = (since: number): number => Math.round((performance.now() - since) / 100) / 10

const name = (service: number): string => `service-${service}`
const addressOf = (service: number, instance: number): string =>
  `10.${service >> 8}.${service & 255}.${instance + 1}`

async function consulOf(house: Cleanup, { services, instances }: Size): Promise<Catalogue> {
  const server = house.add(await startConsul(), (it) => it.stop())
  const proxy = house.add(await startFaultProxy(server.url), (it) => it.stop())
  const nodes = 100
  for (let node = 0; node < nodes; node++)
    await server.api('PUT', '/v1/catalog/register', { Node: `node-${node}`, Address: `10.255.0.${node + 1}` })
  const operation = (service: number, instance: number, version: string) => {
    const id = `${name(service)}-${instance}`
    const node = `node-${(service * instances + instance) % nodes}`
    const Service = {
      ID: id,
      Service: name(service),
      Address: addressOf(service, instance),
      Port: 8080,
      Tags: [`version=${version}`],
    }
    const Check = { Node: node, CheckID: id, ServiceID: id, Name: id, Status: 'passing' }
    return [{ Service: { Verb: 'set', Node: node, Service } }, { Check: { Verb: 'set', Check } }]
  }
  let operations: object[] = []
  for (let service = 0; service < services; service++)
    for (let instance = 0; instance < instances; instance++) {
      operations.push(...operation(service, instance, 'v1'))
      // Consul takes up to 128 operations in one transaction.
      if (operations.length < 128 && !(service === services - 1 && instance === instances - 1)) continue
      await server.api('PUT', '/v1/txn', operations)
      operations = []
    }
  return {
    proxy,
    settings: { kind: 'consul', name: 'dc1', address: proxy.url },
    change: (n) =>
      server.api('PUT', '/v1/txn', operation((n * 7) % services, n % instances, `v${n}`).slice(0, 1)),
  }
}

async function kubernetesOf(house: Cleanup, { services, instances }: Size): Promise<Catalogue> {
  const server = house.add(await startKubernetes(), (it) => it.stop())
  const proxy = house.add(await startFaultProxy(server.url), (it) => it.stop())
  const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'
  const slice = (service: number, ready: (instance: number) => boolean) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: name(service), labels: { 'kubernetes.io/service-name': name(service) } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: Array.from({ length: instances }, (_, instance) => ({
      addresses: [addressOf(service, instance)],
      conditions: { ready: ready(instance) },
    })),
  })
  const create = async (service: number) => {
    await server.api('POST', '/api/v1/namespaces/default/services', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: name(service) },
      spec: { clusterIP: 'None', ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    })
    await server.api(
      'POST',
      slices,
      slice(service, () => true),
    )
  }
  for (let service = 0; service < services; service += 20)
    await Promise.all(Array.from({ length: Math.min(20, services - service) }, (_, i) => create(service + i)))
  return {
    proxy,
    settings: {
      kind: 'kubernetes',
      name: 'testbed',
      kubeconfig: await server.kubeconfigFor({ url: proxy.url, caFile: proxy.caFile }),
    },
    change: (n) => {
      const service = (n * 7) % services
      return server.api(
        'PUT',
        `${slices}/${name(service)}`,
        slice(service, (instance) => instance !== n % instances),
      )
    },
  }
}
