/** The collections that a registry follows, and what of each is kept. */
import type { KubernetesResource } from '#config/connections/kubernetes-api.ts'
import type { Facts, Kind } from './catalog.ts'
import { nodeLocality, podFacts, serviceFacts, sliceFacts } from './facts.ts'

export interface Followed<K extends Kind = Kind> {
  readonly kind: K
  /** undefined: of all. */
  readonly namespace?: string
  /** Without it nothing can be told; the rest may be forbidden. */
  readonly required: boolean
  /** What is missing where it is forbidden. */
  readonly missing: string
  readonly resource: KubernetesResource<Facts[K]>
}

/** Pods are large (10 KB and more each): a page of them is a short pause. */
const POD_PAGE = 250

/** Nodes have no namespace: they are always of the whole cluster. */
export function followed(namespaces: readonly string[], cluster: string | undefined): readonly Followed[] {
  const scopes = namespaces.length === 0 ? [undefined] : namespaces
  return [...scopes.flatMap((namespace) => [...inScope(namespace, cluster)]), nodes]
}

function inScope(namespace: string | undefined, cluster: string | undefined): readonly Followed[] {
  const scope = namespace === undefined ? '' : `/namespaces/${namespace}`
  const of = namespace === undefined ? {} : { namespace }
  return [
    {
      ...{ kind: 'services', ...of, required: true, missing: '' },
      resource: { path: `/api/v1${scope}/services`, translate: serviceFacts },
    },
    {
      ...{ kind: 'slices', ...of, required: true, missing: '' },
      resource: { path: `/apis/discovery.k8s.io/v1${scope}/endpointslices`, translate: sliceFacts },
    },
    {
      ...{ kind: 'pods', ...of, required: false },
      missing: 'labels (subsets), service accounts and workload selectors of pods',
      resource: {
        path: `/api/v1${scope}/pods`,
        // What has ended keeps its address in its status.
        fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed',
        pageSize: POD_PAGE,
        translate: (object) => podFacts(object, cluster),
      },
    },
  ]
}

const nodes: Followed<'nodes'> = {
  ...{ kind: 'nodes', required: false, missing: 'regions and subzones of endpoints' },
  resource: { path: '/api/v1/nodes', metadataOnly: true, translate: nodeLocality },
}
