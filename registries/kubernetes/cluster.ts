/** A cluster as its users share it: one client, made when the first needs it, closed when the last is gone. */
import { Observable, type SchedulerLike } from 'rxjs'
import type { KubernetesConnection } from '#config/connections/kubernetes.ts'
import type { KubernetesApi, KubernetesCluster } from '#config/connections/kubernetes-api.ts'
import type { Logger } from '#support/logger.ts'
import { listWatch, type Timing } from './list-watch.ts'

export interface ClusterDeps {
  readonly clock: SchedulerLike
  readonly log: Logger
  readonly random?: () => number
  readonly timing?: Timing
  /** Given in tests; the client package is loaded only when it is needed. */
  readonly connect?: (connection: KubernetesConnection) => Promise<KubernetesApi> | KubernetesApi
}

const connectByPackage = async (connection: KubernetesConnection): Promise<KubernetesApi> =>
  (await import('./client.ts')).createClient(connection)

export function kubernetesCluster(
  connection: KubernetesConnection,
  { connect = connectByPackage, ...deps }: ClusterDeps,
): KubernetesCluster {
  let api: Promise<KubernetesApi> | undefined
  let holders = 0

  function hold() {
    holders++
    api ??= Promise.resolve(connect(connection))
    const held = api
    let released = false
    return {
      api: held,
      release(): void {
        if (released) return
        released = true
        if (--holders > 0) return
        api = undefined
        held.then((it) => it.close()).catch(() => {})
      },
    }
  }
  return {
    hold,
    listWatch: (resource, relist) =>
      new Observable((subscriber) => {
        const { api: held, release } = hold()
        const watching = listWatch(resource, { ...deps, api: () => held }, relist).subscribe(subscriber)
        return () => {
          watching.unsubscribe()
          release()
        }
      }),
  }
}
