/** A custom resource, by the first of its versions that the cluster serves. Where there is none, it is looked for again. */
import { Observable, type SchedulerLike, Subscription, timer } from 'rxjs'
import type { KubernetesCluster, ListWatchEvent } from '../connections/kubernetes-api.ts'
import { type CustomResource, resourcePath } from './kubernetes-resources.ts'

/** An object as the API server has it, as far as it is looked at here. */
export interface ApiObject {
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly generation?: number
    readonly resourceVersion?: string
  }
  readonly spec?: unknown
  readonly status?: unknown
}

export interface ServedDeps {
  readonly cluster: Pick<KubernetesCluster, 'listWatch'>
  readonly clock: SchedulerLike
}

export type Heard =
  | { readonly kind: 'said'; readonly version: string; readonly events: readonly ListWatchEvent<ApiObject>[] }
  /** The cluster has no such resource. */
  | { readonly kind: 'absent' }

/** How often what is not installed is looked for, ms. */
const LOOK_AGAIN = 30_000
/** What had been there may only seem to be gone (a proxy, a CRD that is replaced): so often it is asked for, ms, ... */
const ASK_AGAIN = 5_000
/** ... and so long until that is believed. */
const BELIEVED = 30_000
const isNotFound = (event: ListWatchEvent<ApiObject>): boolean =>
  event.kind === 'trouble' && event.status === 404

/** `namespace`: undefined for all. */
export const served = (
  resource: CustomResource,
  namespace: string | undefined,
  { cluster, clock }: ServedDeps,
): Observable<Heard> =>
  new Observable((subscriber) => {
    const running = new Subscription()
    /** It has been there; and since when it seems not to be. */
    let known = false
    let lostAt: number | undefined

    function ask(index: number): void {
      const version = resource.versions[index]!
      const list = new Subscription()
      running.add(list)
      const path = resourcePath(resource, version, namespace)
      const translate = (object: object): ApiObject => object as ApiObject
      list.add(
        cluster.listWatch<ApiObject>({ path, translate }).subscribe((events) => {
          if (!events.some(isNotFound)) {
            lostAt = undefined
            known ||= events.some(({ kind }) => kind === 'listed')
            subscriber.next({ kind: 'said', version, events })
            return
          }
          list.unsubscribe()
          running.remove(list)
          if (index + 1 < resource.versions.length) askLater(0, index + 1)
          else notServed({ kind: 'said', version, events })
        }),
      )
    }
    function notServed(trouble: Heard): void {
      lostAt ??= clock.now()
      const isGone = !known || clock.now() - lostAt >= BELIEVED
      if (isGone) known = false
      subscriber.next(isGone ? { kind: 'absent' } : trouble)
      askLater(isGone ? LOOK_AGAIN : ASK_AGAIN, 0)
    }
    function askLater(ms: number, index: number): void {
      const wait = timer(ms, clock).subscribe(() => {
        running.remove(wait)
        ask(index)
      })
      running.add(wait)
    }

    ask(0)
    return running
  })
