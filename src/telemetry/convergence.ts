/**
 * How long proxies take to catch up, out of what the xDS server tells: a stream leaves its quiet when a response goes out
 * and is quiet again when all are answered. Only a quiet broken by a change of the mesh counts as convergence; a proxy
 * that connects, or asks for another name, breaks it too, and proves nothing.
 */

export interface Convergence {
  /** The mesh has changed. */
  changed(): void
  connected(stream: string): void
  disconnected(stream: string): void
  pushed(stream: string, type: string): void
  /** Seconds since the response went out; undefined if none is known. */
  answered(stream: string, type: string, accepted: boolean): number | undefined
}

interface StreamWork {
  /** When the stream was last quiet, ms. */
  quietSince: number
  /** Of the change that it catches up with, ms; undefined if it was not a change that broke the quiet. */
  change?: number
  /** When the response in flight went out, by type; the protocol has one at a time. */
  readonly inFlight: Map<string, number>
}

/** @param now milliseconds; @param converged is told the seconds from the change until the stream was quiet again */
export function trackConvergence(now: () => number, converged: (seconds: number) => void): Convergence {
  const streams = new Map<string, StreamWork>()
  let changedAt = Number.NEGATIVE_INFINITY
  return {
    changed() {
      changedAt = now()
    },
    connected(stream) {
      streams.set(stream, { quietSince: now(), inFlight: new Map() })
    },
    disconnected(stream) {
      streams.delete(stream)
    },
    pushed(stream, type) {
      const work = streams.get(stream)
      if (!work) return
      if (work.inFlight.size === 0) work.change = changedAt > work.quietSince ? changedAt : undefined
      work.inFlight.set(type, now())
    },
    answered(stream, type, accepted) {
      const work = streams.get(stream)
      const sentAt = work?.inFlight.get(type)
      if (!work || sentAt === undefined) return undefined
      work.inFlight.delete(type)
      if (!accepted) work.change = undefined
      if (work.inFlight.size === 0) {
        work.quietSince = now()
        if (work.change !== undefined) converged((now() - work.change) / 1000)
      }
      return (now() - sentAt) / 1000
    },
  }
}
