/** What happens, for /debug/events: mesh changes, proxies that come and go, NACKs. Nobody listening costs nothing. */
import { Subject } from 'rxjs'
import type { AdminEvent, EventReader } from '#admin/deps.ts'
import type { MeshUpdate } from '#model/mesh.ts'

export interface Events extends EventReader {
  emit(type: string, data: object): void
  mesh(update: MeshUpdate): void
}

export function createEvents(now: () => Date = () => new Date()): Events {
  const subject = new Subject<AdminEvent>()
  const emit = (type: string, data: object): void => {
    if (subject.observed) subject.next({ type, at: now(), data })
  }
  return {
    emit,
    mesh: ({ snapshot, changes }) => {
      if (!subject.observed) return
      const services = Object.fromEntries([...changes.services].slice(0, 100))
      const configs = [...changes.configs].slice(0, 100)
      emit('mesh', { revision: snapshot.revision, services, configs })
    },
    subscribe: (listener) => {
      const subscription = subject.subscribe(listener)
      return () => subscription.unsubscribe()
    },
  }
}
