/**
 * What a registry and a configuration source share of a Kubernetes cluster: requests, and a list that is kept up to date.
 * Made by `registries/kubernetes` (`kubernetesCluster`); given to whoever needs it, never imported.
 */
import type { Observable } from 'rxjs'
import type { PilotError } from '#model/issue.ts'

export interface KubernetesRequest {
  /** Default GET. */
  readonly method?: string
  /** e.g. `/api/v1/services`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
}

export interface KubernetesAnswer {
  readonly status: number
  /** `Retry-After`, ms. */
  readonly retryAfter?: number
  /** To be read to its end, or left by the request's signal. */
  readonly body: AsyncIterable<Uint8Array>
}

/** Authenticated requests by one pool of connections. */
export interface KubernetesApi {
  /** Of the API server, without credentials. */
  readonly url: string
  /** @throws what Node says of the connection or TLS; `code: 'PH3002'` where there are no credentials; no status throws. */
  request(request: KubernetesRequest): Promise<KubernetesAnswer>
  /** Credentials (and the kubeconfig) are read anew by the next request: these were refused. */
  renew(): void
  close(): void
}

/** An object as the API tells it; only what the list-watch itself needs is known of it. */
export interface KubernetesObject {
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid?: string
    readonly resourceVersion?: string
  }
  readonly [field: string]: unknown
}

export interface KubernetesResource<T> {
  /** The collection: `/api/v1/services`, `/apis/networking.istio.io/v1/namespaces/web/virtualservices`. */
  readonly path: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /** Only the metadata of each object is sent (PartialObjectMetadata). */
  readonly metadataOnly?: boolean
  /** Objects a page, default 500. */
  readonly pageSize?: number
  /**
   * What is kept of an object, made as soon as it is read (`managedFields` are gone already; items of a list have no
   * `apiVersion` and `kind`). undefined: of no interest. What it throws leaves the object out, and is logged.
   */
  translate(object: KubernetesObject): T | undefined
}

/** Key of an object within its resource: `namespace/name`, or `name` where it has no namespace. */
export type ObjectKey = string

export type ListWatchEvent<T> =
  /**
   * All there is. `same`: after a gap in the history that was told before; what is not in it was deleted. `new`: the
   * resource version went backwards, or nothing of before is left: another history (etcd restored, another cluster).
   */
  | {
      readonly kind: 'listed'
      readonly items: ReadonlyMap<ObjectKey, T>
      readonly history: 'first' | 'same' | 'new'
    }
  | { readonly kind: 'put'; readonly key: ObjectKey; readonly value: T }
  | { readonly kind: 'gone'; readonly key: ObjectKey }
  /**
   * Told when it begins and when its kind changes; what was told stays valid. `status`: of the answer, where there was
   * one (403: no right to list or watch; 404: the cluster has no such resource). Ends with `listed` or `well`.
   */
  | {
      readonly kind: 'trouble'
      readonly error: PilotError
      readonly status?: number
      readonly since: Date
      readonly retryAt: Date
    }
  /** Trouble is over, in the same history: changes missed meanwhile follow. */
  | { readonly kind: 'well' }

/** Never errors or completes; what came at once is one value. Cold: asks on subscribe, frees all on unsubscribe. */
export type ListWatch<T> = Observable<readonly ListWatchEvent<T>[]>

/** One cluster by one set of credentials. */
export interface KubernetesCluster {
  /** For requests of one's own (status, leases). Connections are shared, and closed when the last holder lets go. */
  hold(): { readonly api: Promise<KubernetesApi>; release(): void }
  /** `relist`: whenever it says something, everything is listed again. */
  listWatch<T>(resource: KubernetesResource<T>, relist?: Observable<unknown>): ListWatch<T>
}
