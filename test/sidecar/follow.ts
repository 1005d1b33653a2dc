/** A client of the views as xds/generate is one: follows both streams of each assignment. */
import type { Subscription } from 'rxjs'
import type { InboundView, OutboundView, Sidecar, ViewUpdate } from '#sidecar/view.ts'
import type { AssignedViews, Views } from '#sidecar/views.ts'

export function follow(views: Views, of: Sidecar) {
  const seen = {
    assigned: [] as AssignedViews[],
    outbound: [] as ViewUpdate<OutboundView>[],
    inbound: [] as ViewUpdate<InboundView>[],
  }
  let outbound: OutboundView | undefined
  let inbound: InboundView | undefined
  let inner: Subscription | undefined
  const outer = views.connect(of).subscribe((assigned) => {
    const before = inner
    seen.assigned.push(assigned)
    inner = assigned.outbound.subscribe((each) => {
      outbound = each.view
      seen.outbound.push(each)
    })
    inner.add(
      assigned.inbound.subscribe((each) => {
        inbound = each.view
        seen.inbound.push(each)
      }),
    )
    before?.unsubscribe()
  })
  return {
    ...seen,
    now: () => ({ outbound: outbound!, inbound: inbound! }),
    services: () => [...outbound!.services.keys()].sort(),
    ports: () => inbound!.ports.map(({ port }) => port),
    stop() {
      inner?.unsubscribe()
      outer.unsubscribe()
    },
  }
}
