import { VirtualTimeScheduler } from 'rxjs'
import type { MeshUpdate } from '#model/mesh.ts'
import type { Registry } from '#registries/registry.ts'
import { silentLogger } from '#support/logger.ts'
import { createMesh, defaultMeshOptions, type Mesh } from '../../src/mesh/mesh.ts'
import type { FakeConfigSource } from './fakes.ts'

/** A mesh over these sources on virtual time, and all that it tells. */
export const setup = (registries: readonly Registry[], configs: readonly FakeConfigSource[] = []) => {
  const clock = new VirtualTimeScheduler()
  const mesh = createMesh({ registries, configs, settings: defaultMeshOptions, clock, log: silentLogger })
  const seen: MeshUpdate[] = []
  mesh.updates.subscribe((update) => seen.push(update))
  const until = (time: number): void => {
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
