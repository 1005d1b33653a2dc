/** `pilothouse serve` as a process of its own, on real registries, and Envoys that it serves. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { bootstrap } from '#inject/bootstrap.ts'
import { type Cleanup, until } from '../../support/cleanup.ts'
import { envoy } from '../../support/envoys.ts'
import { serveCommand } from '../../support/pilot.ts'
import { freePort } from '../../support/ports.ts'
import type { TestSidecar } from '../../support/world.ts'

export interface RealPilot {
  readonly xdsPort: number
  readonly adminPort: number
  readonly pid: number
  output(): string
  /** GET on its REST. */
  // biome-ignore lint/suspicious/noExplicitAny: JSON
  rest(path: string): Promise<any>
  /** An Envoy in explicit mode at an address of its own; resolves when it is live. */
  sidecar(name: string): Promise<TestSidecar>
}

/** Resolves when it is ready. `more`: other settings, beside addresses and registries. */
export async function pilotOn(
  house: Cleanup,
  registries: readonly object[],
  more: object = {},
): Promise<RealPilot> {
  const directory = house.add(await mkdtemp(join(tmpdir(), 'pilothouse-real-')), (path) =>
    rm(path, { recursive: true, force: true }),
  )
  const [xdsPort, adminPort] = [await freePort(), await freePort()]
  const file = join(directory, 'pilothouse.yaml')
  const addresses = { xds: { address: `127.0.0.1:${xdsPort}` }, admin: { address: `127.0.0.1:${adminPort}` } }
  await writeFile(file, stringify({ ...addresses, registries, ...more }), { mode: 0o600 })
  const served = serveCommand(house, ['-c', file])
  await until(
    'the Pilot to be ready',
    async () => {
      if (served.child.exitCode !== null) throw new Error(`it has ended:\n${served.output()}`)
      const answer = await fetch(`http://127.0.0.1:${adminPort}/ready`)
      if (!answer.ok) throw new Error(await answer.text())
      return true
    },
    40_000,
  )
  const network = `127.${64 + Math.floor(Math.random() * 128)}.${Math.floor(Math.random() * 256)}`
  let sidecars = 0
  return {
    xdsPort,
    adminPort,
    pid: served.child.pid!,
    output: served.output,
    async rest(path) {
      const answer = await fetch(`http://127.0.0.1:${adminPort}${path}`)
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
      return answer.json()
    },
    async sidecar(name) {
      const ip = `${network}.${++sidecars}`
      const outbound = { host: ip, port: await freePort(ip) }
      const config = bootstrap({
        ...{ id: name, ip, mode: 'explicit', adminPort: 0 },
        xds: `127.0.0.1:${xdsPort}`,
        outbound: `${ip}:${outbound.port}`,
      })
      const running = await envoy(house, config, { name })
      await running.ready()
      return { envoy: running, outbound, ip }
    },
  }
}
