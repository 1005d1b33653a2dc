/** Writes Services with endpoints, as the controllers of a cluster would. */
import { stringify } from 'yaml'
import { service, slice } from '../../registries/kubernetes-objects.ts'
import type { KubernetesServer } from '../../testbed/index.ts'

/** The API gives cluster IPs itself. */
const NO_IP = { clusterIP: undefined, clusterIPs: undefined, ipFamilies: undefined }

export const yaml = (...objects: readonly object[]): string =>
  objects.map((it) => stringify(it)).join('---\n')

export const clusterService = (name: string, options: Parameters<typeof service>[1] = {}) =>
  service(name, { ...options, spec: { ...NO_IP, ...options.spec } })

/** Slice first, so that the Service is never seen without. */
export const put = (server: KubernetesServer, name: string, addresses: readonly string[]) =>
  server.apply(yaml(slice(name, addresses), clusterService(name)))

export const remove = (server: KubernetesServer, name: string) =>
  server.remove(yaml(slice(name, []), clusterService(name)))

export const numbered = (count: number, third = 0): string[] =>
  Array.from({ length: count }, (_, i) => `10.1.${third}.${i + 1}`)
