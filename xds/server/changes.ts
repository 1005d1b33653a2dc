/** Names that changed, by type: of one update of the source, or of several together. */
import type { ResourceUpdate, TypeUrl } from '../resources.ts'

type Changed = ResourceUpdate['changed']

export function namesOf(changed: Changed, typeUrl: TypeUrl): 'all' | ReadonlySet<string> | undefined {
  return changed === 'all' ? 'all' : changed.get(typeUrl)
}

export function union(before: Changed | undefined, changed: Changed): Changed {
  if (before === undefined) return changed
  if (before === 'all' || changed === 'all') return 'all'
  const merged = new Map(before)
  for (const [typeUrl, names] of changed) {
    const earlier = merged.get(typeUrl)
    merged.set(typeUrl, earlier === undefined ? names : new Set([...earlier, ...names]))
  }
  return merged
}
