/** Pilots one after the other on one state directory, as restarts make them. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { VirtualTimeScheduler } from 'rxjs'
import type { Registry } from '#registries/registry.ts'
import { silentLogger } from '#support/logger.ts'
import { createMesh, defaultMeshOptions, type MeshOptions } from '../../src/mesh/mesh.ts'
import { openStore } from '../../src/mesh/store.ts'

export const scratch = async (t: TestContext): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'pilothouse-pilot-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** A Pilot on this directory: one registry, what is known of it, and what ends it. */
export const pilot = async <R extends Registry>(
  dir: string,
  registry: R,
  more: Partial<MeshOptions> = {},
  clock = new VirtualTimeScheduler(),
) => {
  const store = await openStore({ dir, clock, log: silentLogger })
  const settings = { ...defaultMeshOptions, ...more }
  const mesh = createMesh({ registries: [registry], configs: [], settings, clock, log: silentLogger, store })
  const running = mesh.start()
  const stop = async () => {
    running.unsubscribe()
    await store.close()
  }
  const state = (key: string) => mesh.snapshot().freshness(key, registry.name).state
  const source = () => mesh.snapshot().sources.get(registry.name)!
  return { registry, mesh, stop, state, source }
}
