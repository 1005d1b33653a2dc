/** Where the rooms tell what happens, and /debug/events listens. Without listeners an event costs nothing. */
import type { AdminEvent, EventReader } from './deps.ts'

export interface EventHub extends EventReader {
  /** `data` is only called when somebody listens. */
  emit(type: string, data: () => object): void
}

/** @param now milliseconds since the epoch */
export function createEvents(now: () => number): EventHub {
  const listeners = new Set<(event: AdminEvent) => void>()
  return {
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    emit(type, data) {
      if (listeners.size === 0) return
      const event: AdminEvent = { type, at: new Date(now()), data: data() }
      for (const listener of listeners) listener(event)
    },
  }
}
