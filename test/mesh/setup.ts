import { VirtualTimeScheduler } from 'rxjs'
import type { MeshUpdate } from '#model/mesh.ts'
import type { Registry } from '#registries/registry.ts'
import { silentLogger } from '#support/logger.ts'
import { createMesh, defaultMeshOptions, type Mesh, type MeshOptions } from '../../src/mesh/mesh.ts'
import type { FakeConfigSource } from './fakes.ts'

/** A mesh over these sources on virtual time, and all that it tells. */
export const setup = (
  registries: readonly Registry[],
  configs: readonly FakeConfigSource[] = [],
  more: Partial<MeshOptions> = {},
) => {
  const clock = new VirtualTimeScheduler()
  const settings = { ...defaultMeshOptions, ...more }
  const mesh = createMesh({ registries, configs, settings, clock, log: silentLogger })
  const seen: MeshUpdate[] = []
  mesh.updates.subscribe((update) => seen.push(update))
  const until = (time: number): void => {
    // So that it is then that time, whether anything else was due or not.
    clock.schedule(() => {}, time - clock.now())
    clock.maxFrames = time
    clock.flush()
  }
  return { mesh, clock, seen, until }
}
export const waitsFor = (mesh: Mesh): string[] => {
  const readiness = mesh.readiness()
  return readiness.ready ? [] : readiness.waitingFor.map(({ registry }) => registry)
}
export const addresses = (mesh: Mesh, key = 'x.test'): string[] | undefined =>
  mesh
    .snapshot()
    .services.get(key)
    ?.endpoints.map(({ address }) => address)

/** `address health` of each endpoint. */
export const healths = (mesh: Mesh, key = 'x.test'): string[] | undefined =>
  mesh
    .snapshot()
    .services.get(key)
    ?.endpoints.map(({ address, health }) => `${address} ${health}`)

/** Milliseconds of this thread's own time: what else runs on the machine does not count. */
export const spent = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}
