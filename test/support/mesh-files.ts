/** A mesh as files: services of so many endpoints, and namespaces whose sidecars see some of them. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

export interface MeshFiles {
  readonly dir: string
  /** The first endpoint of a service (or its only one) has another address; atomically. */
  change(service: number, address: string, alone?: boolean): void
  remove(): void
}

/** Each of `namespaces` sees the next `scope` services; without namespaces everybody sees all. */
export function meshFiles(options: {
  readonly services: number
  readonly endpoints: number
  readonly namespaces?: number
  readonly scope?: number
  /** Of the endpoints. */
  readonly port?: number
}): MeshFiles {
  const root = mkdtempSync(path.join(tmpdir(), 'pilothouse-bench-'))
  const dir = path.join(root, 'mesh')
  mkdirSync(dir)
  const write = (name: string, object: object): void => {
    const next = path.join(root, `${name}.next`)
    writeFileSync(next, JSON.stringify(object))
    renameSync(next, path.join(dir, name))
  }
  const service = (i: number, first?: string, alone = false) =>
    write(`svc-${i}.json`, {
      apiVersion: 'networking.istio.io/v1',
      kind: 'ServiceEntry',
      metadata: { name: `svc-${i}`, namespace: 'default' },
      spec: {
        hosts: [hostname(i)],
        location: 'MESH_INTERNAL',
        resolution: 'STATIC',
        ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: options.port ?? 8080 }],
        endpoints: Array.from({ length: alone ? 1 : options.endpoints }, (_, e) => ({
          address: e === 0 && first ? first : `10.${16 + (i >> 8)}.${i & 255}.${e + 1}`,
          labels: { app: `svc-${i}`, version: 'v1' },
        })),
      },
    })
  for (let i = 0; i < options.services; i++) service(i)
  const { namespaces = 0, scope = 0 } = options
  for (let n = 0; n < namespaces; n++)
    write(`sidecar-${n}.json`, {
      apiVersion: 'networking.istio.io/v1',
      kind: 'Sidecar',
      metadata: { name: 'default', namespace: `ns-${n}` },
      spec: {
        egress: [
          {
            hosts: Array.from(
              { length: scope },
              (_, i) => `default/${hostname((n * scope + i) % options.services)}`,
            ),
          },
        ],
      },
    })
  return { dir, change: service, remove: () => rmSync(root, { recursive: true, force: true }) }
}

export const hostname = (i: number): string => `svc-${i}.perf.internal`
