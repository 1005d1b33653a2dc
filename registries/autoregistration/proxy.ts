/** What self-registration is told of proxies: who is connected, and since when others can be. */
import type { Labels, Locality } from '#model/service.ts'

/** A proxy that asks to be registered: Istio's node metadata AUTO_REGISTER_GROUP. */
export interface RegisteringProxy {
  /** Of its connection; a proxy may have several at a time. */
  readonly stream: string
  readonly node: string
  /** Name of the WorkloadGroup, in the proxy's own namespace. */
  readonly group: string
  readonly namespace: string
  /** The workload's address; '' where the node tells none. */
  readonly ip: string
  readonly labels: Labels
  readonly network: string
  readonly locality?: Locality
  /** As the proxy says. */
  readonly serviceAccount: string
}

export type ProxyEvent =
  | { readonly kind: 'connect'; readonly proxy: RegisteringProxy }
  | { readonly kind: 'disconnect'; readonly stream: string }
  /** Proxies can connect from now on. Before it, that nobody is connected says nothing. */
  | { readonly kind: 'open' }
