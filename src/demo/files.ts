/** Istio YAML in a directory, written as a careful operator writes it: whole files, renamed into place. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { stringify } from 'yaml'
import { type DemoWorkload, hostOf, namespace, type ServiceName, servicePort } from './plan.ts'

/** Writes `name` (a path within the directory) so that no reader ever sees half of it. */
export async function putFile(directory: string, name: string, objects: readonly object[]): Promise<void> {
  const path = join(directory, name)
  const temporary = join(dirname(path), `.${Math.random().toString(36).slice(2)}.tmp`)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(temporary, objects.map((object) => stringify(object)).join('---\n'))
  await rename(temporary, path)
}

export const removeFile = (directory: string, name: string): Promise<void> =>
  rm(join(directory, name), { force: true })

export const serviceFile = (service: ServiceName): string => `services/${service}.yaml`
export const workloadFile = (workload: DemoWorkload): string => `workloads/${workload.name}.yaml`

/** The service; its endpoints are the workloads with the label `app`. */
export function serviceEntry(service: ServiceName): object {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: service, namespace },
    spec: {
      hosts: [hostOf(service)],
      location: 'MESH_INTERNAL',
      resolution: 'STATIC',
      ports: [{ number: servicePort, name: 'http', protocol: 'HTTP' }],
      workloadSelector: { labels: { app: service } },
    },
  }
}

/** `pilothouse.io/health` takes a workload out of traffic by its file, before it is stopped. */
export function workloadEntry(workload: DemoWorkload, health?: 'draining'): object {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadEntry',
    metadata: {
      name: workload.name,
      namespace,
      ...(health && { annotations: { 'pilothouse.io/health': health } }),
    },
    spec: {
      address: workload.ip,
      ports: { http: workload.appPort },
      labels: { app: workload.service, version: workload.version },
    },
  }
}
