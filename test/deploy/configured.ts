/** Pilots with a settings file, as an operator runs them, and sidecars that know several of them. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { bootstrap } from '#inject/bootstrap.ts'
import { putFile } from '#src/demo/files.ts'
import { type Cleanup, until } from '../support/cleanup.ts'
import type { Place } from '../support/clients.ts'
import { envoy } from '../support/envoys.ts'
import { testNamespace } from '../support/istio.ts'
import { type CommandPilot, serveCommand } from '../support/pilot.ts'
import { freePort } from '../support/ports.ts'

export interface ConfiguredPilot extends Pick<CommandPilot, 'child' | 'output' | 'stop'> {
  readonly xdsPort: number
  readonly adminPort: number
  /** JSON of a path of its REST. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at whatever it needs
  rest(path: string): Promise<any>
}

export interface Folder {
  readonly path: string
  /** Writes a file with Istio objects, whole. */
  put(name: string, ...objects: object[]): Promise<void>
  /** Writes the settings. */
  settings(settings: object | string): Promise<void>
  readonly settingsFile: string
}

/** A directory of the test's own; sub-directories that `put` names come by themselves. */
export async function folder(house: Cleanup): Promise<Folder> {
  const path = house.add(await mkdtemp(join(tmpdir(), 'pilothouse-deploy-')), (it) =>
    rm(it, { recursive: true, force: true }),
  )
  const settingsFile = join(path, 'pilothouse.yaml')
  return {
    path,
    settingsFile,
    async put(name, ...objects) {
      const parts = name.split('/')
      const directory = join(path, ...parts.slice(0, -1))
      await mkdir(directory, { recursive: true })
      await putFile(directory, `${parts.at(-1)}.yaml`, objects)
    },
    settings: (settings) =>
      writeFile(settingsFile, typeof settings === 'string' ? settings : stringify(settings)),
  }
}

export interface PilotPorts {
  readonly xdsPort: number
  readonly adminPort: number
}

export const freePorts = async (): Promise<PilotPorts> => ({
  xdsPort: await freePort(),
  adminPort: await freePort(),
})

/** A process with `--config`; resolves when `/ready` says so. */
export async function configuredPilot(
  house: Cleanup,
  settingsFile: string,
  ports: PilotPorts,
): Promise<ConfiguredPilot> {
  const { xdsPort, adminPort } = ports
  const addresses = ['--xds-address', `127.0.0.1:${xdsPort}`, '--admin-address', `127.0.0.1:${adminPort}`]
  const served = serveCommand(house, ['--config', settingsFile, ...addresses])
  const rest: ConfiguredPilot['rest'] = async (path) => {
    const answer = await fetch(`http://127.0.0.1:${adminPort}${path}`)
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  await until(
    'the Pilot to be ready',
    async () => {
      if (served.child.exitCode !== null) throw new Error(`it has ended:\n${served.output()}`)
      return (await rest('/ready')).ready
    },
    30_000,
  )
  return { ...served, xdsPort, adminPort, rest }
}

export interface Sidecar {
  readonly outbound: Place
  readonly node: string
  stop(): Promise<void>
}

/** An Envoy in explicit mode at a loopback address of its own, live. */
export async function sidecarOf(
  house: Cleanup,
  {
    name,
    ip,
    pilots,
  }: { readonly name: string; readonly ip: string; readonly pilots: readonly PilotPorts[] },
): Promise<Sidecar> {
  const outbound = { host: ip, port: await freePort(ip) }
  const plain = bootstrap({
    ...{ id: name, namespace: testNamespace, ip, mode: 'explicit', adminPort: 0 },
    xds: pilots.map(({ xdsPort }) => `127.0.0.1:${xdsPort}`),
    outbound: `${ip}:${outbound.port}`,
  })
  const running = await envoy(house, plain, { name })
  await running.ready()
  return { outbound, node: (plain as { node: { id: string } }).node.id, stop: () => running.stop() }
}

/** A network of 127/8 for one test, as `world` has it. */
export function loopback(): (n: number) => string {
  const network = `127.${64 + Math.floor(Math.random() * 128)}.${Math.floor(Math.random() * 256)}`
  return (n) => `${network}.${n}`
}
