/** One half of a proxy's resources, and how it goes from one update to the next. */
import {
  advance,
  type ChangeableResourceSet,
  emptyResourceSet,
  type Missing,
  withMissing,
} from '#xds/resource-set.ts'
import type { Resource, ResourceUpdate, TypeUrl } from '#xds/resources.ts'

/** A named part of a layer that is made anew as a whole: `port:80`, `service:orders…`. */
export type Units = ReadonlyMap<string, readonly Resource[]>

export interface LayerUpdate<View = unknown> {
  readonly set: ChangeableResourceSet
  /** What differs from the layer before; an empty map where nothing does. */
  readonly changed: ResourceUpdate['changed']
  /** Of the generator's own. */
  readonly view: View
  readonly units: Units
}

const nothing: ReadonlyMap<TypeUrl, ReadonlySet<string>> = new Map()

/** The first layer of a view. */
export function firstLayer<View>(
  view: View,
  units: Units,
  loose: readonly Resource[],
  missing: Missing,
): LayerUpdate<View> {
  const resources = [...[...units.values()].flat(), ...loose]
  const set = advance(withMissing(emptyResourceSet, missing), resources)?.resources
  return { set: set ?? withMissing(emptyResourceSet, missing), changed: 'all', view, units }
}

/**
 * The next layer: `units` replaces those of the same name (undefined = gone), `loose` are resources by name that
 * belong to no unit, `gone` those of them that are no more. What is equal to what was there isn't a change.
 */
export function nextLayer<View>(
  previous: LayerUpdate<View>,
  view: View,
  units: ReadonlyMap<string, readonly Resource[] | undefined>,
  loose: readonly Resource[],
  gone: readonly Pick<Resource, 'typeUrl' | 'name'>[],
): LayerUpdate<View> {
  const before = [...units.keys()].flatMap((id) => previous.units.get(id) ?? [])
  const after = [...units.values()].flatMap((resources) => resources ?? [])
  const update = advance(previous.set, [...after, ...loose], [...before, ...gone])
  return {
    set: update?.resources ?? previous.set,
    changed: update?.changed ?? nothing,
    view,
    units: units.size === 0 ? previous.units : replaced(previous.units, units),
  }
}

function replaced(before: Units, changes: ReadonlyMap<string, readonly Resource[] | undefined>): Units {
  const units = new Map(before)
  for (const [id, resources] of changes) {
    if (resources === undefined) units.delete(id)
    else units.set(id, resources)
  }
  return units
}
