/** The collections that a registry follows, and what of each is kept. */
import type { KubernetesObject, KubernetesResource } from '#config/connections/kubernetes-api.ts'
import { isHostname } from '../hostname.ts'
import type { Facts, Kind } from './catalog.ts'
import { nodeLocality, podFacts, type ServiceFacts, serviceFacts, sliceFacts } from './facts.ts'

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

/** Pods are large (10 KB and more each), and so are full slices: a page is parsed in one go. */
const SMALL_PAGE = 100

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
      resource: { path: `/api/v1${scope}/services`, translate: namedService },
    },
    {
      ...{ kind: 'slices', ...of, required: true, missing: '' },
      resource: {
        path: `/apis/discovery.k8s.io/v1${scope}/endpointslices`,
        pageSize: SMALL_PAGE,
        translate: sliceFacts,
      },
    },
    {
      ...{ kind: 'pods', ...of, required: false },
      missing: 'labels (subsets), service accounts and workload selectors of pods',
      resource: {
        path: `/api/v1${scope}/pods`,
        // What has ended keeps its address in its status.
        fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed',
        pageSize: SMALL_PAGE,
        translate: (object) => podFacts(object, cluster),
      },
    },
  ]
}

/** @throws where it can't be called by name: it is left out. */
function namedService(object: KubernetesObject): ServiceFacts {
  const facts = serviceFacts(object)
  if (!isHostname(`${facts.name}.${facts.namespace}`)) throw new Error('its name is no DNS name')
  return facts
}

const nodes: Followed<'nodes'> = {
  ...{ kind: 'nodes', required: false, missing: 'regions and subzones of endpoints' },
  resource: { path: '/api/v1/nodes', metadataOnly: true, translate: nodeLocality },
}
