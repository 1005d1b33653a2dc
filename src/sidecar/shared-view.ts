/** One view shared by many: built when the first holder comes, dropped when the last leaves, replayed to the late. */
import { Observable, Subject } from 'rxjs'
import type { ViewUpdate } from './view.ts'

/** The current view at once, as changes 'all', then every change; never errors or completes. One object for each view. */
export type ViewStream<View> = Observable<ViewUpdate<View>>

export interface Counters {
  /** Views made from scratch, ever. */
  viewsBuilt: number
  /** Views moved on by a change set, ever. */
  viewsAdvanced: number
  /** Distinct views in use now, outbound and inbound. */
  active: number
}

export interface SharedView<View> {
  readonly stream: ViewStream<View>
  /** The current one; only while held. */
  readonly view: View
  retain(): void
  release(): void
  /** The next view, to all subscribers. */
  advance(update: ViewUpdate<View>): void
}

/** `open` builds the view for the first holder, `close` frees what it took. */
export function sharedView<View>(open: () => View, close: () => void): SharedView<View> {
  const updates = new Subject<ViewUpdate<View>>()
  let holders = 0
  let view: View | undefined
  const shared: SharedView<View> = {
    get view() {
      return view as View
    },
    retain() {
      if (holders++ === 0) view = open()
    },
    release() {
      if (--holders > 0) return
      view = undefined
      close()
    },
    advance(update) {
      view = update.view
      updates.next(update)
    },
    stream: new Observable((subscriber) => {
      shared.retain()
      subscriber.next({ view: shared.view, changes: 'all' })
      const subscription = updates.subscribe(subscriber)
      return () => {
        subscription.unsubscribe()
        shared.release()
      }
    }),
  }
  return shared
}
