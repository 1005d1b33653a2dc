/** What `proxy-config` can show: for each kind its sections of the dump, its columns, its rows and its filters. */
import { clusterHead, clusterRow } from './clusters.ts'
import {
  type Address,
  type Cluster,
  clusterName,
  type Dump,
  type Listener,
  type LoadAssignment,
  type RouteConfig,
  type Secret,
  type Section,
} from './dump.ts'
import { endpointHead, endpointRows } from './endpoints.ts'
import { listenerHead, listenerRows } from './listeners.ts'
import { routeHead, routeRows } from './routes.ts'
import { secretHead, secretRow } from './secrets.ts'

export interface Filters {
  readonly fqdn?: string
  readonly port?: number
  readonly name?: string
}
type Row = readonly (string | number)[]

export interface View {
  /** For /debug/config_dump?types= */
  readonly types: string
  readonly head: readonly string[]
  /** The resources that pass the filters, as Envoy's JSON. */
  select(dump: Dump, filters: Filters): readonly object[]
  rows(selected: readonly object[]): readonly Row[]
}

export type Kind = 'listeners' | 'routes' | 'clusters' | 'endpoints' | 'secrets'

const view = <T extends object>(
  types: string,
  head: readonly string[],
  all: (dump: Dump) => readonly T[],
  passes: (resource: T, filters: Filters) => boolean,
  rows: (resource: T) => readonly Row[],
): View => ({
  types,
  head,
  select: (dump, filters) => all(dump).filter((resource) => passes(resource, filters)),
  rows: (selected) => (selected as readonly T[]).flatMap(rows),
})

const from =
  <T>(resources: (section: Section) => readonly T[] | undefined) =>
  ({ configs }: Dump): readonly T[] =>
    configs.flatMap((section) => resources(section) ?? [])

const clusters = from<Cluster>((s) => s.dynamic_active_clusters?.map(({ cluster }) => cluster))
const assignments = from<LoadAssignment>((s) =>
  s.dynamic_endpoint_configs?.map(({ endpoint_config }) => endpoint_config),
)

const named = (name: string | undefined, { name: wanted }: Filters) => wanted === undefined || name === wanted

function clusterPasses({ name }: Pick<Cluster, 'name'>, filters: Filters): boolean {
  const parts = clusterName(name)
  return (
    named(name, filters) &&
    (filters.fqdn === undefined || parts?.host === filters.fqdn) &&
    (filters.port === undefined || parts?.port === String(filters.port))
  )
}

const addresses = ({ address, additional_addresses = [] }: Listener): readonly (Address | undefined)[] => [
  address,
  ...additional_addresses.map((each) => each.address),
]

export const views: Readonly<Record<Kind, View>> = {
  clusters: view('cds', clusterHead, clusters, clusterPasses, (cluster) => [clusterRow(cluster)]),
  listeners: view(
    'lds',
    listenerHead,
    from<Listener>((s) =>
      s.dynamic_listeners?.flatMap(({ active_state }) => (active_state ? [active_state.listener] : [])),
    ),
    (listener, filters) =>
      named(listener.name, filters) &&
      (filters.port === undefined ||
        addresses(listener).some((each) => each?.socket_address?.port_value === filters.port)),
    listenerRows,
  ),
  routes: view(
    'rds',
    routeHead,
    from<RouteConfig>((s) => s.dynamic_route_configs?.map(({ route_config }) => route_config)),
    (route, filters) =>
      named(route.name, filters) &&
      (filters.port === undefined || (route.name ?? '').split(':').at(-1) === String(filters.port)),
    routeRows,
  ),
  endpoints: view(
    'cds,eds',
    endpointHead,
    (dump) => [...assignments(dump), ...inlineAssignments(dump)],
    ({ cluster_name = '' }, filters) => clusterPasses({ name: cluster_name }, filters),
    endpointRows,
  ),
  secrets: view(
    'sds',
    secretHead,
    from<Secret>((s) => s.dynamic_active_secrets?.map(({ secret }) => secret)),
    (secret, filters) => named(secret.name, filters),
    (secret) => [secretRow(secret)],
  ),
}

/** Of clusters that carry their endpoints in themselves (STATIC, STRICT_DNS, LOGICAL_DNS). */
const inlineAssignments = (dump: Dump): readonly LoadAssignment[] =>
  clusters(dump).flatMap(({ name, load_assignment }) =>
    load_assignment ? [{ ...load_assignment, cluster_name: name }] : [],
  )
