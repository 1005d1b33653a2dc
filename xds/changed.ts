/** Names that changed, by type: of one update of the source, or of several together. */
import type { ResourceUpdate, TypeUrl } from './resources.ts'

export type Changed = ResourceUpdate['changed']

export function namesOf(changed: Changed, typeUrl: TypeUrl): 'all' | ReadonlySet<string> | undefined {
  return changed === 'all' ? 'all' : changed.get(typeUrl)
}

export function union(a: Changed | undefined, b: Changed | undefined): Changed {
  if (a === 'all' || b === 'all') return 'all'
  if (a === undefined || a.size === 0) return b ?? nothing
  if (b === undefined || b.size === 0) return a
  const all = new Map(a)
  for (const [typeUrl, names] of b) {
    const others = all.get(typeUrl)
    all.set(typeUrl, others === undefined ? names : new Set([...others, ...names]))
  }
  return all
}

const nothing: Changed = new Map()
