/** What the sources have said, handed from one mesh to the next, as a restart hands it over by way of the disk. */
import type { RestoredSource, SnapshotStore } from '#mesh/mesh.ts'

type SaveArguments = Parameters<SnapshotStore['save']>

export interface Handover {
  /** A store for one more mesh: it begins with what the mesh in force knows, and writes nothing until it is in force. */
  next(): HandoverStore
}

export interface HandoverStore extends SnapshotStore {
  /** What this mesh's sources say is what counts from now on, on disk too. */
  takeOver(): void
}

/** `disk` is the last snapshot of the process before, if it is kept. */
export function createHandover(disk?: SnapshotStore): Handover {
  let inForce: HandoverStore | undefined
  /** Of the mesh in force: what its sources said, and what those are thought to know that have not spoken yet. */
  let said = new Map<string, SaveArguments>()
  let unconfirmed: ReadonlyMap<string, RestoredSource> = new Map(disk?.restored)
  disk?.restored.clear()

  function known(): Map<string, RestoredSource> {
    const spoken = [...said].map(([name, saved]) => [name, restoredFrom(saved)] as const)
    return new Map([...unconfirmed, ...spoken])
  }

  function next(): HandoverStore {
    const handedOver = known()
    const restored = new Map(handedOver)
    const own = new Map<string, SaveArguments>()
    const store: HandoverStore = {
      restored,
      save(...saved) {
        own.set(saved[0].name, saved)
        handedOver.delete(saved[0].name)
        if (inForce === store) disk?.save(...saved)
      },
      issues: () => disk?.issues() ?? [],
      takeOver() {
        inForce = store
        said = own
        unconfirmed = handedOver
        for (const saved of own.values()) disk?.save(...saved)
      },
    }
    return store
  }
  return { next }
}

const restoredFrom = ([source, content, saidAt]: SaveArguments): RestoredSource => ({
  kind: 'restored',
  source,
  savedAt: saidAt,
  services: [...content.services.values()],
  workloads: [...content.workloads.values()],
  configs: [...content.configs.values()],
  issues: content.issues,
})
