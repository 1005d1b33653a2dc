/** Sources that say what a test tells them to, and objects with defaults. */
import { Observable, Subject } from 'rxjs'
import type { ConfigSource } from '#config/source.ts'
import type { ConfigObject, ConfigUpdate } from '#model/config.ts'
import type { Missing, PilotError } from '#model/issue.ts'
import type { Endpoint, Service, ServicePort, Workload } from '#model/service.ts'
import type { Registry, RegistryUpdate } from '#registries/registry.ts'

interface Fake<Update> {
  /** Subscribers at present. */
  readonly subscribers: () => number
  readonly say: (update: Update) => void
  /** Breaks the contract: the observable errors. */
  readonly fail: (reason: unknown) => void
  readonly updates: Observable<Update>
}

const fake = <Update>(initial: readonly Update[]): Fake<Update> => {
  let subject = new Subject<Update>()
  let count = 0
  return {
    subscribers: () => count,
    say: (update) => subject.next(update),
    fail: (reason) => {
      const old = subject
      subject = new Subject()
      old.error(reason)
    },
    updates: new Observable((subscriber) => {
      count++
      for (const update of initial) subscriber.next(update)
      const subscription = subject.subscribe(subscriber)
      return () => {
        count--
        subscription.unsubscribe()
      }
    }),
  }
}

export type FakeRegistry = Registry & Fake<RegistryUpdate>
export type FakeConfigSource = ConfigSource & Fake<ConfigUpdate>

/** A registry that says `initial` to each subscriber and then whatever `say` is given. */
export const fakeRegistry = (name: string, initial: readonly RegistryUpdate[] = []): FakeRegistry => ({
  name,
  kind: 'fake',
  ...fake(initial),
})

export const fakeConfigSource = (name: string, initial: readonly ConfigUpdate[] = []): FakeConfigSource => ({
  name,
  kind: 'fake',
  ...fake(initial),
})

export const http = (port: number, name = 'http'): ServicePort => ({ name, port, protocol: 'HTTP' })

export const endpoint = (address: string, more: Partial<Endpoint> = {}): Endpoint => ({
  address,
  ports: {},
  health: 'HEALTHY',
  weight: 1,
  labels: {},
  network: '',
  serviceAccount: '',
  workload: '',
  registry: 'a',
  origin: { source: more.registry ?? 'a', object: `endpoint/${address}` },
  ...more,
})

export const workload = (address: string, more: Partial<Workload> = {}): Workload => ({
  ...endpoint(address, more),
  namespace: 'default',
  workload: `vm-${address}`,
  ...more,
})

/** A public HTTP service on port 80; `registry` is the owner of its endpoints, given as addresses or whole. */
export const service = (
  hostname: string,
  registry = 'a',
  endpoints: readonly (string | Endpoint)[] = [],
  more: Partial<Service> = {},
): Service => ({
  hostname,
  namespace: 'default',
  ports: [http(80)],
  addresses: [],
  resolution: 'STATIC',
  location: 'MESH_INTERNAL',
  exportTo: ['*'],
  subjectAltNames: [],
  labels: {},
  headless: false,
  endpoints: endpoints.map((one) => (typeof one === 'string' ? endpoint(one, { registry }) : one)),
  origin: { source: registry, object: `Service/default/${hostname}` },
  ...more,
})

export const configObject = (
  name: string,
  spec: unknown = {},
  more: Partial<ConfigObject> = {},
): ConfigObject => ({
  kind: 'VirtualService',
  apiVersion: 'networking.istio.io/v1',
  namespace: 'default',
  name,
  labels: {},
  annotations: {},
  spec,
  version: JSON.stringify(spec),
  origin: { source: 'files', object: `VirtualService/default/${name}` },
  issues: [],
  ...more,
})

export const full = (services: readonly Service[], workloads: readonly Workload[] = []): RegistryUpdate => ({
  kind: 'full',
  services,
  workloads,
})

export const delta = (
  parts: Partial<Extract<RegistryUpdate, { kind: 'delta' }>>,
): Extract<RegistryUpdate, { kind: 'delta' }> => ({
  kind: 'delta',
  changed: [],
  removed: [],
  changedWorkloads: [],
  removedWorkloads: [],
  ...parts,
})

export const outage: PilotError = { code: 'PH9999', message: 'connection refused', remedy: 'Start it.' }

export const missing: Missing = { error: outage, since: new Date(77) }

/** All but what could not be asked. */
export const partial = (
  services: readonly Service[],
  workloads: readonly Workload[] = [],
): RegistryUpdate => ({ kind: 'full', services, workloads, missing })

export const trouble = (since: Date): RegistryUpdate & ConfigUpdate => ({
  kind: 'trouble',
  error: outage,
  since,
})
