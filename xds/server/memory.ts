/** A source of resources in memory, by node, type and name: for tests, and for those who need no mesh. */
import { Observable, Subject } from 'rxjs'
import {
  advance,
  type ChangeableResourceSet,
  emptyResourceSet,
  layered,
  type Missing,
  type ResourceKey,
  type WhyAbsent,
  withMissing,
} from '../resource-set.ts'
import type { Node, Resource, ResourceSet, ResourceSource, ResourceUpdate, TypeUrl } from '../resources.ts'

/** A node's key is its id, unless `keyOf` says otherwise. What is under '*' all nodes get. */
export interface MemorySource extends ResourceSource {
  /** Replaces all that the key has. */
  set(key: string, resources: Iterable<Resource>): void
  /** Adds or changes, all in one step. */
  update(key: string, ...resources: readonly Resource[]): void
  remove(key: string, typeUrl: TypeUrl, name: string): void
  /** What a node of this key gets now. */
  get(key: string): ResourceSet
}

export interface MemoryOptions {
  readonly keyOf?: (node: Node) => string
  /** What to say of names that don't exist; by default that they don't. */
  readonly missing?: Missing
  /** Why they don't. */
  readonly absence?: WhyAbsent
}

/** All nodes of one key. */
interface Group {
  own: ChangeableResourceSet
  /** Together with what all nodes get. */
  seen: ResourceSet
  readonly updates: Subject<ResourceUpdate>
}

export function createMemorySource(options: MemoryOptions = {}): MemorySource {
  const { keyOf = ({ id }) => id, missing = emptyResourceSet.missing, absence } = options
  const nothing = withMissing(emptyResourceSet, missing, absence)
  const groups = new Map<string, Group>()
  let common = nothing

  function groupOf(key: string): Group {
    let group = groups.get(key)
    if (group === undefined) {
      group = { own: nothing, seen: common, updates: new Subject() }
      groups.set(key, group)
    }
    return group
  }

  function change(key: string, upserts: Iterable<Resource>, removals: Iterable<ResourceKey>): void {
    const update = advance(key === '*' ? common : groupOf(key).own, upserts, removals)
    if (update === undefined) return
    if (key === '*') common = update.resources
    else groupOf(key).own = update.resources
    for (const group of key === '*' ? groups.values() : [groupOf(key)]) {
      group.seen = compose(group.own, common)
      group.updates.next({ resources: group.seen, changed: update.changed })
    }
  }

  function forget(key: string): void {
    const group = groups.get(key)
    if (group?.own.types.size === 0 && !group.updates.observed) groups.delete(key)
  }

  return {
    set(key, resources) {
      const wanted = [...resources]
      const kept = new Set(wanted.map(({ typeUrl, name }) => `${typeUrl} ${name}`))
      const before = allOf(key === '*' ? common : groupOf(key).own)
      change(
        key,
        wanted,
        before.filter(({ typeUrl, name }) => !kept.has(`${typeUrl} ${name}`)),
      )
    },
    update: (key, ...resources) => change(key, resources, []),
    remove: (key, typeUrl, name) => change(key, [], [{ typeUrl, name }]),
    get: (key) => groups.get(key)?.seen ?? common,
    connect: (node) =>
      new Observable<ResourceUpdate>((subscriber) => {
        const key = keyOf(node)
        const group = groupOf(key)
        subscriber.next({ resources: group.seen, changed: 'all' })
        const subscription = group.updates.subscribe(subscriber)
        return () => {
          subscription.unsubscribe()
          forget(key)
        }
      }),
  }
}

/** Most sources use one half only. */
function compose(own: ChangeableResourceSet, common: ChangeableResourceSet): ResourceSet {
  if (own.types.size === 0) return common
  return common.types.size === 0 ? own : layered(own, common)
}

const allOf = (set: ChangeableResourceSet): Resource[] =>
  [...set.types.keys()].flatMap((typeUrl) => [...set.all(typeUrl)])
