/** A small mesh on this machine: a directory of Istio YAML, a Pilot that follows it, and sidecars at loopback addresses. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bootstrap } from '#inject/bootstrap.ts'
import type { EnvoyProcess } from '#src/demo/envoy-process.ts'
import { putFile, removeFile } from '#src/demo/files.ts'
import { type Cleanup, until } from './cleanup.ts'
import { type Place, tcpSocket } from './clients.ts'
import { envoy } from './envoys.ts'
import { testNamespace } from './istio.ts'
import { type PilotHandle, type PilotOptions, servePilot, startTestPilot } from './pilot.ts'
import { freePort } from './ports.ts'

export interface SidecarOptions {
  readonly name: string
  readonly ip: string
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
  /** `region/zone/subzone` */
  readonly locality?: string
  readonly loadReporting?: boolean
  /** Changes the bootstrap before Envoy gets it. */
  readonly change?: (bootstrap: Bootstrap) => object
}
// biome-ignore lint/suspicious/noExplicitAny: a bootstrap is plain JSON that a test may take apart at will
export type Bootstrap = any

export interface TestSidecar {
  readonly envoy: EnvoyProcess
  /** Its explicit outbound proxy. */
  readonly outbound: Place
  readonly ip: string
}

export interface World {
  readonly files: string
  readonly pilot: PilotHandle
  /** Address `n` (1 to 254) of this world's own part of 127.0.0.0/8. */
  ip(n: number): string
  /** Writes `<name>.yaml`, whole. */
  put(name: string, ...objects: object[]): Promise<void>
  remove(name: string): Promise<void>
  /** Starts an Envoy in explicit mode and waits until it is live. */
  sidecar(options: SidecarOptions): Promise<TestSidecar>
  /** GET on the Pilot's REST, JSON. */
  rest(path: string): Promise<Bootstrap>
}

export interface WorldOptions {
  /** Put before the Pilot starts: file name to objects. */
  readonly files?: Readonly<Record<string, readonly object[]>>
  /** The Pilot is a process of its own (`pilothouse serve`), not a part of this one. */
  readonly command?: boolean
  readonly settings?: PilotOptions['settings']
}

export async function world(house: Cleanup, options: WorldOptions = {}): Promise<World> {
  const files = house.add(await mkdtemp(join(tmpdir(), 'pilothouse-test-')), (path) =>
    rm(path, { recursive: true, force: true }),
  )
  for (const [name, objects] of Object.entries(options.files ?? {}))
    await putFile(files, `${name}.yaml`, objects)
  const pilot = await (options.command ? servePilot : startTestPilot)(house, {
    files,
    ...(options.settings && { settings: options.settings }),
  })
  // Tests may run at the same time, and a demo beside them: each has its own addresses.
  const network = `127.${64 + Math.floor(Math.random() * 128)}.${Math.floor(Math.random() * 256)}`
  const ip = (n: number) => `${network}.${n}`
  const sidecar = async ({ namespace = testNamespace, change, ...options }: SidecarOptions) => {
    const { name, ip } = options
    const outbound = { host: ip, port: await freePort(ip) }
    const plain = bootstrap({
      ...{ ...options, id: name, namespace, mode: 'explicit', adminPort: 0 },
      xds: `127.0.0.1:${pilot.xdsPort}`,
      outbound: `${ip}:${outbound.port}`,
      onDemand: process.env.PILOTHOUSE_TEST_ON_DEMAND === '1',
    })
    const running = await envoy(house, change ? change(plain) : plain, { name })
    await running.ready()
    return { envoy: running, outbound, ip }
  }
  return {
    files,
    pilot,
    ip,
    sidecar,
    put: (name, ...objects) => putFile(files, `${name}.yaml`, objects),
    remove: (name) => removeFile(files, `${name}.yaml`),
    async rest(path) {
      const answer = await fetch(`http://127.0.0.1:${pilot.adminPort}${path}`)
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
      return answer.json()
    },
  }
}

/** Waits until something listens at `place`: a listener that the Pilot sent is in force. */
export const listens = (place: Place, timeout?: number): Promise<unknown> =>
  until(
    `a listener at ${place.host}:${place.port}`,
    async () => {
      const socket = await tcpSocket(place)
      socket.destroy()
      return true
    },
    timeout,
  )
