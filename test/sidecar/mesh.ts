/** Small meshes for the tests of this room. */
import { BehaviorSubject } from 'rxjs'
import type { ConfigObject, SidecarSpec } from '#model/config.ts'
import { configKey } from '#model/config.ts'
import type {
  ChangeSet,
  MeshEndpoint,
  MeshService,
  MeshSettings,
  MeshSnapshot,
  MeshUpdate,
  ServiceAttributes,
} from '#model/mesh.ts'
import type { Sidecar } from '#sidecar/view.ts'

export const settings: MeshSettings = {
  trustDomain: 'cluster.local',
  rootNamespace: 'istio-system',
  outboundTrafficPolicy: 'ALLOW_ANY',
  connectTimeout: 10_000,
  localityLbEnabled: true,
  protocolDetectionTimeout: 0,
}

const origin = { source: 'file/test', object: 'test' }

export const endpoint = (address: string, more: Partial<MeshEndpoint> = {}): MeshEndpoint => ({
  address,
  ports: {},
  health: 'HEALTHY',
  weight: 1,
  labels: {},
  network: '',
  serviceAccount: '',
  workload: '',
  registry: 'file/test',
  origin,
  priority: 0,
  ...more,
})

type ServiceOptions = Partial<ServiceAttributes> & { readonly endpoints?: readonly MeshEndpoint[] }

/** Its key follows exportTo, as the merge does it. */
export function service(hostname: string, options: ServiceOptions = {}): MeshService {
  const { endpoints = [], ...attributes } = options
  const namespace = attributes.namespace ?? 'default'
  const exportTo = attributes.exportTo ?? ['*']
  return {
    attributes: {
      key: exportTo.includes('*') ? hostname : `${namespace}/${hostname}`,
      hostname,
      namespace,
      ports: [{ name: 'http', port: 80, protocol: 'HTTP' }],
      addresses: [],
      resolution: 'STATIC',
      location: 'MESH_INTERNAL',
      exportTo,
      subjectAltNames: [],
      labels: {},
      headless: false,
      aliases: [],
      origins: [origin],
      ...attributes,
    },
    endpoints,
    registries: ['file/test'],
    issues: [],
  }
}

let versions = 0
export const sidecarConfig = (
  name: string,
  namespace: string,
  spec: SidecarSpec,
  createdAt?: string,
): ConfigObject<'Sidecar', SidecarSpec> => ({
  kind: 'Sidecar',
  apiVersion: 'networking.istio.io/v1',
  namespace,
  name,
  labels: {},
  annotations: {},
  ...(createdAt && { createdAt }),
  spec,
  version: `v${versions++}`,
  origin,
  issues: [],
})

export const sidecar = (more: Partial<Sidecar> = {}): Sidecar => ({
  id: 'sidecar~10.0.0.1~orders-1.default~default.svc.cluster.local',
  type: 'sidecar',
  cluster: '',
  ips: ['10.0.0.1'],
  namespace: 'default',
  workload: 'orders-1',
  labels: {},
  serviceAccount: '',
  network: '',
  networkView: [],
  mode: 'transparent',
  outbound: { address: '127.0.0.1', port: 15002 },
  ...more,
})

export function snapshotOf(
  services: Iterable<MeshService>,
  configs: Iterable<ConfigObject> = [],
  revision = 1,
): MeshSnapshot {
  return {
    revision,
    services: new Map([...services].map((each) => [each.attributes.key, each])),
    configs: new Map([...configs].map((each) => [configKey(each), each])),
    sources: new Map(),
    freshness: () => ({ state: 'fresh' }),
  }
}

/** What changed, by identity. */
export function changesBetween(old: MeshSnapshot, now: MeshSnapshot): ChangeSet {
  const services = new Map<string, 'attributes' | 'endpoints' | 'removed'>()
  for (const key of new Set([...old.services.keys(), ...now.services.keys()])) {
    const [before, after] = [old.services.get(key), now.services.get(key)]
    if (after === undefined) services.set(key, 'removed')
    else if (before?.attributes !== after.attributes) services.set(key, 'attributes')
    else if (before !== after) services.set(key, 'endpoints')
  }
  const configs = [...new Set([...old.configs.keys(), ...now.configs.keys()])].filter(
    (key) => old.configs.get(key) !== now.configs.get(key),
  )
  return { services, configs: new Set(configs) }
}

/** A mesh that a test moves by hand. */
export function meshOf(services: Iterable<MeshService> = [], configs: Iterable<ConfigObject> = []) {
  const first = snapshotOf(services, configs)
  const mesh$ = new BehaviorSubject<MeshUpdate>({
    snapshot: first,
    changes: changesBetween(snapshotOf([]), first),
  })
  const to = (snapshot: MeshSnapshot) =>
    mesh$.next({ snapshot, changes: changesBetween(mesh$.value.snapshot, snapshot) })
  return {
    mesh$,
    to: (now: Iterable<MeshService>, nowConfigs: Iterable<ConfigObject> = configs) =>
      to(snapshotOf(now, nowConfigs, mesh$.value.snapshot.revision + 1)),
  }
}
