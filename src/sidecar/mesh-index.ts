/** What views look up in the mesh, kept up to date from change sets: work in proportion to what changed. */
import type { ConfigKey } from '#model/config.ts'
import type { MeshEndpoint, MeshService, MeshServiceKey, MeshSnapshot, MeshUpdate } from '#model/mesh.ts'
import { canonicalAddress } from '#support/address.ts'
import { compareConfigs, type SidecarConfig } from './scope.ts'

/** What an update means to the views. */
export interface Impact {
  /** Hostnames with a changed service, and the keys of all services that have or had it. */
  readonly hostnames: ReadonlyMap<string, ReadonlySet<MeshServiceKey>>
  /** Addresses whose set of services or ports may differ. */
  readonly ips: ReadonlySet<string>
  /** Namespaces with a changed Sidecar resource. */
  readonly namespaces: ReadonlySet<string>
}

const kindPrefix = 'Sidecar/'

export class MeshIndex {
  snapshot: MeshSnapshot
  /** Services that not all namespaces see, by hostname; the public one's key is its hostname. */
  readonly #scoped = new Map<string, Set<MeshServiceKey>>()
  readonly #byIp = new Map<string, Map<MeshServiceKey, MeshEndpoint[]>>()
  readonly #sidecars = new Map<string, SidecarConfig[]>()

  constructor(snapshot: MeshSnapshot) {
    this.snapshot = snapshot
    for (const [key, service] of snapshot.services) this.#add(key, service)
    const namespaces = new Set<string>()
    for (const [key, config] of snapshot.configs)
      if (key.startsWith(kindPrefix)) namespaces.add(config.namespace)
    this.#indexConfigs(namespaces)
  }

  /** Services of this hostname, public or not. */
  candidates(hostname: string): readonly MeshService[] {
    const keys = [hostname, ...(this.#scoped.get(hostname) ?? [])]
    return keys.map((key) => this.snapshot.services.get(key)).filter((each) => each !== undefined)
  }

  hostnames(): ReadonlySet<string> {
    return new Set([...this.snapshot.services.values()].map(({ attributes }) => attributes.hostname))
  }

  /** Services with an endpoint at this (canonical) address. */
  at(ip: string): ReadonlyMap<MeshServiceKey, readonly MeshEndpoint[]> {
    return this.#byIp.get(ip) ?? none
  }

  /** Sidecar resources of a namespace in order of precedence. */
  sidecars(namespace: string): readonly SidecarConfig[] {
    return this.#sidecars.get(namespace) ?? []
  }

  /** The resource as it is now; one that is gone stays as it was, for those who are about to leave it. */
  latest(config: SidecarConfig): SidecarConfig {
    return this.sidecars(config.namespace).find(({ name }) => name === config.name) ?? config
  }

  /** Takes the next snapshot over. */
  advance({ snapshot, changes }: MeshUpdate): Impact {
    const before = this.snapshot
    this.snapshot = snapshot
    const hostnames = new Map<string, Set<MeshServiceKey>>()
    const ips = new Set<string>()
    for (const [key, kind] of changes.services) {
      const old = before.services.get(key)
      const now = snapshot.services.get(key)
      for (const { attributes } of [old, now].filter((each) => each !== undefined)) {
        const keys = hostnames.get(attributes.hostname) ?? new Set([attributes.hostname])
        hostnames.set(attributes.hostname, keys.add(key))
      }
      touchedIps(old?.endpoints ?? [], now?.endpoints ?? [], kind === 'endpoints', ips)
      if (old) this.#remove(key, old)
      if (now) this.#add(key, now)
    }
    for (const [hostname, keys] of hostnames)
      for (const key of this.#scoped.get(hostname) ?? []) keys.add(key)
    const namespaces = sidecarNamespaces(changes.configs)
    this.#indexConfigs(namespaces)
    return { hostnames, ips, namespaces }
  }

  #add(key: MeshServiceKey, service: MeshService): void {
    const { hostname } = service.attributes
    if (key !== hostname) getOrMake(this.#scoped, hostname, () => new Set()).add(key)
    for (const endpoint of service.endpoints)
      getOrMake(
        getOrMake(this.#byIp, canonicalAddress(endpoint.address), () => new Map()),
        key,
        () => [],
      ).push(endpoint)
  }

  #remove(key: MeshServiceKey, service: MeshService): void {
    const { hostname } = service.attributes
    const scoped = this.#scoped.get(hostname)
    if (scoped?.delete(key) && scoped.size === 0) this.#scoped.delete(hostname)
    for (const endpoint of service.endpoints) {
      const address = canonicalAddress(endpoint.address)
      const services = this.#byIp.get(address)
      if (services?.delete(key) && services.size === 0) this.#byIp.delete(address)
    }
  }

  #indexConfigs(namespaces: ReadonlySet<string>): void {
    if (namespaces.size === 0) return
    for (const namespace of namespaces) this.#sidecars.delete(namespace)
    for (const [key, config] of this.snapshot.configs)
      if (key.startsWith(kindPrefix) && namespaces.has(config.namespace))
        getOrMake(this.#sidecars, config.namespace, () => []).push(config as SidecarConfig)
    for (const namespace of namespaces) this.#sidecars.get(namespace)?.sort(compareConfigs)
  }
}

const none: ReadonlyMap<MeshServiceKey, readonly MeshEndpoint[]> = new Map()

/** `Sidecar/namespace/name` -> namespace. */
function sidecarNamespaces(keys: Iterable<ConfigKey>): ReadonlySet<string> {
  const namespaces = new Set<string>()
  for (const key of keys) if (key.startsWith(kindPrefix)) namespaces.add(key.split('/')[1]!)
  return namespaces
}

/** Addresses of endpoints that came, went or changed; of all of them where the service itself changed. */
function touchedIps(
  old: readonly MeshEndpoint[],
  now: readonly MeshEndpoint[],
  endpointsOnly: boolean,
  ips: Set<string>,
): void {
  const inOld = new Set(endpointsOnly ? old : [])
  const inNow = new Set(endpointsOnly ? now : [])
  for (const endpoint of old) if (!inNow.has(endpoint)) ips.add(canonicalAddress(endpoint.address))
  for (const endpoint of now) if (!inOld.has(endpoint)) ips.add(canonicalAddress(endpoint.address))
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}
