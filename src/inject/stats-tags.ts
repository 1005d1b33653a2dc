/**
 * How Envoy's statistics become labels. Envoy's own rule ends a cluster's name at its first dot, which cuts
 * `outbound|80||orders.default.svc.cluster.local` short. As Istio does, a name may be marked by a `;` behind it
 * (Cluster.alt_stat_name); one without the mark ends at its first dot. Matching host names themselves costs three times
 * the CPU of a sidecar's start.
 */

/** First group: what is cut out of the statistic's name; second: the label's value. */
export const clusterNameTag = '^cluster\\.(([^;]+(?=;\\.)|[^.;]+);?\\.)'

/** Envoy's own labels (source/common/config/well_known_names.cc), all but the cluster's. */
const wellKnownTags = [
  'envoy.response_code',
  'envoy.response_code_class',
  'envoy.http_conn_manager_prefix',
  'envoy.http_user_agent',
  'envoy.listener_address',
  'envoy.tcp_prefix',
  'envoy.udp_prefix',
  'envoy.virtual_host',
  'envoy.virtual_cluster',
  'envoy.route',
  'envoy.ssl_cipher',
  'envoy.grpc_bridge_service',
  'envoy.grpc_bridge_method',
  'envoy.mongo_prefix',
  'envoy.rbac_prefix',
  'envoy.rds_route_config',
  'envoy.worker_id',
]

export const statsConfig = {
  use_all_default_tags: false,
  stats_tags: [
    { tag_name: 'cluster_name', regex: clusterNameTag },
    ...wellKnownTags.map((tag_name) => ({ tag_name })),
  ],
}
