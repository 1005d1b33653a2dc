import type { MeshService } from '#model/mesh.ts'
import type { OutboundView } from '#sidecar/view.ts'
import type { Resource } from '#xds/resources.ts'

/** Listeners and routes, which services share, in units that can be made anew one by one. */
export interface UnitMaker {
  /** All units that the view has. */
  ids(view: OutboundView): ReadonlySet<string>
  /** Of those, the ones that this service has a part in. */
  touchedBy(service: MeshService, view: OutboundView): readonly string[]
  /** Of those, the ones in which its endpoints' addresses stand. */
  addressedBy(service: MeshService, view: OutboundView): readonly string[]
  make(view: OutboundView, id: string): readonly Resource[]
}
