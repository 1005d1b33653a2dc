/** Keeps what a polling client gets ready between its polls: made anew for each, it would cost a whole view a poll. */
import { finalize, merge, type Observable, ReplaySubject, Subject, share, timer } from 'rxjs'
import type { Node, ResourceSource, ResourceUpdate } from '../resources.ts'

export interface LingeringSource extends ResourceSource {
  /** Lets go of all that nobody is asking for. */
  close(): void
}

/** The same source, but a node's resources are kept up to date for `ms` after the last who asked; of `maxNodes` at most. */
export function lingering(source: ResourceSource, ms: number, maxNodes: number): LingeringSource {
  const kept = new Map<string, Observable<ResourceUpdate>>()
  const closed = new Subject<void>()
  const keep = (key: string, node: Node): Observable<ResourceUpdate> =>
    source.connect(node).pipe(
      finalize(() => kept.delete(key)),
      share({
        connector: () => new ReplaySubject(1),
        resetOnRefCountZero: () => merge(timer(ms), closed),
      }),
    )
  return {
    connect(node) {
      const key = JSON.stringify(node)
      const known = kept.get(key)
      if (known !== undefined) return known
      if (kept.size >= maxNodes) return source.connect(node)
      const made = keep(key, node)
      kept.set(key, made)
      return made
    },
    close: () => closed.next(),
  }
}
