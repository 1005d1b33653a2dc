/**
 * Every generated file, for reading an Any whose type is not known beforehand. Written by generate.sh.
 * Loading it costs a few hundred milliseconds: only for those who write or read JSON.
 */
import { createRegistry, type Registry } from '@bufbuild/protobuf'
import * as wkt from '@bufbuild/protobuf/wkt'
import { file_cel_expr_checked } from './gen/cel/expr/checked_pb.js'
import { file_cel_expr_syntax } from './gen/cel/expr/syntax_pb.js'
import { file_envoy_admin_v3_certs } from './gen/envoy/admin/v3/certs_pb.js'
import { file_envoy_admin_v3_clusters } from './gen/envoy/admin/v3/clusters_pb.js'
import { file_envoy_admin_v3_config_dump } from './gen/envoy/admin/v3/config_dump_pb.js'
import { file_envoy_admin_v3_config_dump_shared } from './gen/envoy/admin/v3/config_dump_shared_pb.js'
import { file_envoy_admin_v3_init_dump } from './gen/envoy/admin/v3/init_dump_pb.js'
import { file_envoy_admin_v3_listeners } from './gen/envoy/admin/v3/listeners_pb.js'
import { file_envoy_admin_v3_memory } from './gen/envoy/admin/v3/memory_pb.js'
import { file_envoy_admin_v3_metrics } from './gen/envoy/admin/v3/metrics_pb.js'
import { file_envoy_admin_v3_mutex_stats } from './gen/envoy/admin/v3/mutex_stats_pb.js'
import { file_envoy_admin_v3_server_info } from './gen/envoy/admin/v3/server_info_pb.js'
import { file_envoy_admin_v3_tap } from './gen/envoy/admin/v3/tap_pb.js'
import { file_envoy_config_accesslog_v3_accesslog } from './gen/envoy/config/accesslog/v3/accesslog_pb.js'
import { file_envoy_config_bootstrap_v3_bootstrap } from './gen/envoy/config/bootstrap/v3/bootstrap_pb.js'
import { file_envoy_config_cluster_v3_circuit_breaker } from './gen/envoy/config/cluster/v3/circuit_breaker_pb.js'
import { file_envoy_config_cluster_v3_cluster } from './gen/envoy/config/cluster/v3/cluster_pb.js'
import { file_envoy_config_cluster_v3_filter } from './gen/envoy/config/cluster/v3/filter_pb.js'
import { file_envoy_config_cluster_v3_outlier_detection } from './gen/envoy/config/cluster/v3/outlier_detection_pb.js'
import { file_envoy_config_common_key_value_v3_config } from './gen/envoy/config/common/key_value/v3/config_pb.js'
import { file_envoy_config_common_matcher_v3_matcher } from './gen/envoy/config/common/matcher/v3/matcher_pb.js'
import { file_envoy_config_common_mutation_rules_v3_mutation_rules } from './gen/envoy/config/common/mutation_rules/v3/mutation_rules_pb.js'
import { file_envoy_config_core_v3_address } from './gen/envoy/config/core/v3/address_pb.js'
import { file_envoy_config_core_v3_backoff } from './gen/envoy/config/core/v3/backoff_pb.js'
import { file_envoy_config_core_v3_base } from './gen/envoy/config/core/v3/base_pb.js'
import { file_envoy_config_core_v3_cel } from './gen/envoy/config/core/v3/cel_pb.js'
import { file_envoy_config_core_v3_config_source } from './gen/envoy/config/core/v3/config_source_pb.js'
import { file_envoy_config_core_v3_event_service_config } from './gen/envoy/config/core/v3/event_service_config_pb.js'
import { file_envoy_config_core_v3_extension } from './gen/envoy/config/core/v3/extension_pb.js'
import { file_envoy_config_core_v3_grpc_method_list } from './gen/envoy/config/core/v3/grpc_method_list_pb.js'
import { file_envoy_config_core_v3_grpc_service } from './gen/envoy/config/core/v3/grpc_service_pb.js'
import { file_envoy_config_core_v3_health_check } from './gen/envoy/config/core/v3/health_check_pb.js'
import { file_envoy_config_core_v3_http_service } from './gen/envoy/config/core/v3/http_service_pb.js'
import { file_envoy_config_core_v3_http_uri } from './gen/envoy/config/core/v3/http_uri_pb.js'
import { file_envoy_config_core_v3_protocol } from './gen/envoy/config/core/v3/protocol_pb.js'
import { file_envoy_config_core_v3_proxy_protocol } from './gen/envoy/config/core/v3/proxy_protocol_pb.js'
import { file_envoy_config_core_v3_resolver } from './gen/envoy/config/core/v3/resolver_pb.js'
import { file_envoy_config_core_v3_socket_cmsg_headers } from './gen/envoy/config/core/v3/socket_cmsg_headers_pb.js'
import { file_envoy_config_core_v3_socket_option } from './gen/envoy/config/core/v3/socket_option_pb.js'
import { file_envoy_config_core_v3_substitution_format_string } from './gen/envoy/config/core/v3/substitution_format_string_pb.js'
import { file_envoy_config_core_v3_udp_socket_config } from './gen/envoy/config/core/v3/udp_socket_config_pb.js'
import { file_envoy_config_endpoint_v3_endpoint_components } from './gen/envoy/config/endpoint/v3/endpoint_components_pb.js'
import { file_envoy_config_endpoint_v3_endpoint } from './gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { file_envoy_config_endpoint_v3_load_report } from './gen/envoy/config/endpoint/v3/load_report_pb.js'
import { file_envoy_config_listener_v3_api_listener } from './gen/envoy/config/listener/v3/api_listener_pb.js'
import { file_envoy_config_listener_v3_listener_components } from './gen/envoy/config/listener/v3/listener_components_pb.js'
import { file_envoy_config_listener_v3_listener } from './gen/envoy/config/listener/v3/listener_pb.js'
import { file_envoy_config_listener_v3_quic_config } from './gen/envoy/config/listener/v3/quic_config_pb.js'
import { file_envoy_config_listener_v3_udp_listener_config } from './gen/envoy/config/listener/v3/udp_listener_config_pb.js'
import { file_envoy_config_metrics_v3_metrics_service } from './gen/envoy/config/metrics/v3/metrics_service_pb.js'
import { file_envoy_config_metrics_v3_stats } from './gen/envoy/config/metrics/v3/stats_pb.js'
import { file_envoy_config_overload_v3_overload } from './gen/envoy/config/overload/v3/overload_pb.js'
import { file_envoy_config_ratelimit_v3_rls } from './gen/envoy/config/ratelimit/v3/rls_pb.js'
import { file_envoy_config_rbac_v3_rbac } from './gen/envoy/config/rbac/v3/rbac_pb.js'
import { file_envoy_config_route_v3_route_components } from './gen/envoy/config/route/v3/route_components_pb.js'
import { file_envoy_config_route_v3_route } from './gen/envoy/config/route/v3/route_pb.js'
import { file_envoy_config_route_v3_scoped_route } from './gen/envoy/config/route/v3/scoped_route_pb.js'
import { file_envoy_config_tap_v3_common } from './gen/envoy/config/tap/v3/common_pb.js'
import { file_envoy_config_trace_v3_datadog } from './gen/envoy/config/trace/v3/datadog_pb.js'
import { file_envoy_config_trace_v3_dynamic_ot } from './gen/envoy/config/trace/v3/dynamic_ot_pb.js'
import { file_envoy_config_trace_v3_http_tracer } from './gen/envoy/config/trace/v3/http_tracer_pb.js'
import { file_envoy_config_trace_v3_lightstep } from './gen/envoy/config/trace/v3/lightstep_pb.js'
import { file_envoy_config_trace_v3_opencensus } from './gen/envoy/config/trace/v3/opencensus_pb.js'
import { file_envoy_config_trace_v3_opentelemetry } from './gen/envoy/config/trace/v3/opentelemetry_pb.js'
import { file_envoy_config_trace_v3_service } from './gen/envoy/config/trace/v3/service_pb.js'
import { file_envoy_config_trace_v3_skywalking } from './gen/envoy/config/trace/v3/skywalking_pb.js'
import { file_envoy_config_trace_v3_trace } from './gen/envoy/config/trace/v3/trace_pb.js'
import { file_envoy_config_trace_v3_xray } from './gen/envoy/config/trace/v3/xray_pb.js'
import { file_envoy_config_trace_v3_zipkin } from './gen/envoy/config/trace/v3/zipkin_pb.js'
import { file_envoy_config_upstream_local_address_selector_v3_default_local_address_selector } from './gen/envoy/config/upstream/local_address_selector/v3/default_local_address_selector_pb.js'
import { file_envoy_data_accesslog_v3_accesslog } from './gen/envoy/data/accesslog/v3/accesslog_pb.js'
import { file_envoy_extensions_access_loggers_file_v3_file } from './gen/envoy/extensions/access_loggers/file/v3/file_pb.js'
import { file_envoy_extensions_access_loggers_filters_cel_v3_cel } from './gen/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.js'
import { file_envoy_extensions_access_loggers_grpc_v3_als } from './gen/envoy/extensions/access_loggers/grpc/v3/als_pb.js'
import { file_envoy_extensions_access_loggers_open_telemetry_v3_logs_service } from './gen/envoy/extensions/access_loggers/open_telemetry/v3/logs_service_pb.js'
import { file_envoy_extensions_access_loggers_stream_v3_stream } from './gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js'
import { file_envoy_extensions_bootstrap_internal_listener_v3_internal_listener } from './gen/envoy/extensions/bootstrap/internal_listener/v3/internal_listener_pb.js'
import { file_envoy_extensions_clusters_aggregate_v3_cluster } from './gen/envoy/extensions/clusters/aggregate/v3/cluster_pb.js'
import { file_envoy_extensions_clusters_common_dns_v3_dns } from './gen/envoy/extensions/clusters/common/dns/v3/dns_pb.js'
import { file_envoy_extensions_clusters_dns_v3_dns_cluster } from './gen/envoy/extensions/clusters/dns/v3/dns_cluster_pb.js'
import { file_envoy_extensions_clusters_dynamic_forward_proxy_v3_cluster } from './gen/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.js'
import { file_envoy_extensions_clusters_redis_v3_redis_cluster } from './gen/envoy/extensions/clusters/redis/v3/redis_cluster_pb.js'
import { file_envoy_extensions_common_aws_v3_credential_provider } from './gen/envoy/extensions/common/aws/v3/credential_provider_pb.js'
import { file_envoy_extensions_common_dynamic_forward_proxy_v3_dns_cache } from './gen/envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache_pb.js'
import { file_envoy_extensions_common_matching_v3_extension_matcher } from './gen/envoy/extensions/common/matching/v3/extension_matcher_pb.js'
import { file_envoy_extensions_common_ratelimit_v3_ratelimit } from './gen/envoy/extensions/common/ratelimit/v3/ratelimit_pb.js'
import { file_envoy_extensions_filters_common_fault_v3_fault } from './gen/envoy/extensions/filters/common/fault/v3/fault_pb.js'
import { file_envoy_extensions_filters_common_set_filter_state_v3_value } from './gen/envoy/extensions/filters/common/set_filter_state/v3/value_pb.js'
import { file_envoy_extensions_filters_http_buffer_v3_buffer } from './gen/envoy/extensions/filters/http/buffer/v3/buffer_pb.js'
import { file_envoy_extensions_filters_http_composite_v3_composite } from './gen/envoy/extensions/filters/http/composite/v3/composite_pb.js'
import { file_envoy_extensions_filters_http_connect_grpc_bridge_v3_config } from './gen/envoy/extensions/filters/http/connect_grpc_bridge/v3/config_pb.js'
import { file_envoy_extensions_filters_http_cors_v3_cors } from './gen/envoy/extensions/filters/http/cors/v3/cors_pb.js'
import { file_envoy_extensions_filters_http_csrf_v3_csrf } from './gen/envoy/extensions/filters/http/csrf/v3/csrf_pb.js'
import { file_envoy_extensions_filters_http_dynamic_forward_proxy_v3_dynamic_forward_proxy } from './gen/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb.js'
import { file_envoy_extensions_filters_http_ext_authz_v3_ext_authz } from './gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js'
import { file_envoy_extensions_filters_http_fault_v3_fault } from './gen/envoy/extensions/filters/http/fault/v3/fault_pb.js'
import { file_envoy_extensions_filters_http_grpc_http1_bridge_v3_config } from './gen/envoy/extensions/filters/http/grpc_http1_bridge/v3/config_pb.js'
import { file_envoy_extensions_filters_http_grpc_stats_v3_config } from './gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js'
import { file_envoy_extensions_filters_http_grpc_web_v3_grpc_web } from './gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.js'
import { file_envoy_extensions_filters_http_header_mutation_v3_header_mutation } from './gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.js'
import { file_envoy_extensions_filters_http_header_to_metadata_v3_header_to_metadata } from './gen/envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata_pb.js'
import { file_envoy_extensions_filters_http_health_check_v3_health_check } from './gen/envoy/extensions/filters/http/health_check/v3/health_check_pb.js'
import { file_envoy_extensions_filters_http_jwt_authn_v3_config } from './gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js'
import { file_envoy_extensions_filters_http_local_ratelimit_v3_local_rate_limit } from './gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js'
import { file_envoy_extensions_filters_http_lua_v3_lua } from './gen/envoy/extensions/filters/http/lua/v3/lua_pb.js'
import { file_envoy_extensions_filters_http_on_demand_v3_on_demand } from './gen/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.js'
import { file_envoy_extensions_filters_http_ratelimit_v3_rate_limit } from './gen/envoy/extensions/filters/http/ratelimit/v3/rate_limit_pb.js'
import { file_envoy_extensions_filters_http_rbac_v3_rbac } from './gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js'
import { file_envoy_extensions_filters_http_router_v3_router } from './gen/envoy/extensions/filters/http/router/v3/router_pb.js'
import { file_envoy_extensions_filters_http_set_filter_state_v3_set_filter_state } from './gen/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.js'
import { file_envoy_extensions_filters_http_set_metadata_v3_set_metadata } from './gen/envoy/extensions/filters/http/set_metadata/v3/set_metadata_pb.js'
import { file_envoy_extensions_filters_http_stateful_session_v3_stateful_session } from './gen/envoy/extensions/filters/http/stateful_session/v3/stateful_session_pb.js'
import { file_envoy_extensions_filters_http_upstream_codec_v3_upstream_codec } from './gen/envoy/extensions/filters/http/upstream_codec/v3/upstream_codec_pb.js'
import { file_envoy_extensions_filters_http_wasm_v3_wasm } from './gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.js'
import { file_envoy_extensions_filters_listener_http_inspector_v3_http_inspector } from './gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js'
import { file_envoy_extensions_filters_listener_local_ratelimit_v3_local_ratelimit } from './gen/envoy/extensions/filters/listener/local_ratelimit/v3/local_ratelimit_pb.js'
import { file_envoy_extensions_filters_listener_original_dst_v3_original_dst } from './gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js'
import { file_envoy_extensions_filters_listener_original_src_v3_original_src } from './gen/envoy/extensions/filters/listener/original_src/v3/original_src_pb.js'
import { file_envoy_extensions_filters_listener_proxy_protocol_v3_proxy_protocol } from './gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.js'
import { file_envoy_extensions_filters_listener_tls_inspector_v3_tls_inspector } from './gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js'
import { file_envoy_extensions_filters_network_connection_limit_v3_connection_limit } from './gen/envoy/extensions/filters/network/connection_limit/v3/connection_limit_pb.js'
import { file_envoy_extensions_filters_network_direct_response_v3_config } from './gen/envoy/extensions/filters/network/direct_response/v3/config_pb.js'
import { file_envoy_extensions_filters_network_echo_v3_echo } from './gen/envoy/extensions/filters/network/echo/v3/echo_pb.js'
import { file_envoy_extensions_filters_network_ext_authz_v3_ext_authz } from './gen/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.js'
import { file_envoy_extensions_filters_network_http_connection_manager_v3_http_connection_manager } from './gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { file_envoy_extensions_filters_network_local_ratelimit_v3_local_rate_limit } from './gen/envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit_pb.js'
import { file_envoy_extensions_filters_network_mongo_proxy_v3_mongo_proxy } from './gen/envoy/extensions/filters/network/mongo_proxy/v3/mongo_proxy_pb.js'
import { file_envoy_extensions_filters_network_ratelimit_v3_rate_limit } from './gen/envoy/extensions/filters/network/ratelimit/v3/rate_limit_pb.js'
import { file_envoy_extensions_filters_network_rbac_v3_rbac } from './gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js'
import { file_envoy_extensions_filters_network_redis_proxy_v3_redis_proxy } from './gen/envoy/extensions/filters/network/redis_proxy/v3/redis_proxy_pb.js'
import { file_envoy_extensions_filters_network_set_filter_state_v3_set_filter_state } from './gen/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb.js'
import { file_envoy_extensions_filters_network_sni_cluster_v3_sni_cluster } from './gen/envoy/extensions/filters/network/sni_cluster/v3/sni_cluster_pb.js'
import { file_envoy_extensions_filters_network_sni_dynamic_forward_proxy_v3_sni_dynamic_forward_proxy } from './gen/envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy_pb.js'
import { file_envoy_extensions_filters_network_tcp_proxy_v3_tcp_proxy } from './gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js'
import { file_envoy_extensions_filters_network_wasm_v3_wasm } from './gen/envoy/extensions/filters/network/wasm/v3/wasm_pb.js'
import { file_envoy_extensions_formatter_metadata_v3_metadata } from './gen/envoy/extensions/formatter/metadata/v3/metadata_pb.js'
import { file_envoy_extensions_formatter_req_without_query_v3_req_without_query } from './gen/envoy/extensions/formatter/req_without_query/v3/req_without_query_pb.js'
import { file_envoy_extensions_http_header_formatters_preserve_case_v3_preserve_case } from './gen/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb.js'
import { file_envoy_extensions_http_original_ip_detection_custom_header_v3_custom_header } from './gen/envoy/extensions/http/original_ip_detection/custom_header/v3/custom_header_pb.js'
import { file_envoy_extensions_http_original_ip_detection_xff_v3_xff } from './gen/envoy/extensions/http/original_ip_detection/xff/v3/xff_pb.js'
import { file_envoy_extensions_http_stateful_session_cookie_v3_cookie } from './gen/envoy/extensions/http/stateful_session/cookie/v3/cookie_pb.js'
import { file_envoy_extensions_http_stateful_session_header_v3_header } from './gen/envoy/extensions/http/stateful_session/header/v3/header_pb.js'
import { file_envoy_extensions_internal_redirect_previous_routes_v3_previous_routes_config } from './gen/envoy/extensions/internal_redirect/previous_routes/v3/previous_routes_config_pb.js'
import { file_envoy_extensions_internal_redirect_safe_cross_scheme_v3_safe_cross_scheme_config } from './gen/envoy/extensions/internal_redirect/safe_cross_scheme/v3/safe_cross_scheme_config_pb.js'
import { file_envoy_extensions_load_balancing_policies_client_side_weighted_round_robin_v3_client_side_weighted_round_robin } from './gen/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin_pb.js'
import { file_envoy_extensions_load_balancing_policies_cluster_provided_v3_cluster_provided } from './gen/envoy/extensions/load_balancing_policies/cluster_provided/v3/cluster_provided_pb.js'
import { file_envoy_extensions_load_balancing_policies_common_v3_common } from './gen/envoy/extensions/load_balancing_policies/common/v3/common_pb.js'
import { file_envoy_extensions_load_balancing_policies_least_request_v3_least_request } from './gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.js'
import { file_envoy_extensions_load_balancing_policies_maglev_v3_maglev } from './gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.js'
import { file_envoy_extensions_load_balancing_policies_override_host_v3_override_host } from './gen/envoy/extensions/load_balancing_policies/override_host/v3/override_host_pb.js'
import { file_envoy_extensions_load_balancing_policies_pick_first_v3_pick_first } from './gen/envoy/extensions/load_balancing_policies/pick_first/v3/pick_first_pb.js'
import { file_envoy_extensions_load_balancing_policies_random_v3_random } from './gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.js'
import { file_envoy_extensions_load_balancing_policies_ring_hash_v3_ring_hash } from './gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.js'
import { file_envoy_extensions_load_balancing_policies_round_robin_v3_round_robin } from './gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.js'
import { file_envoy_extensions_load_balancing_policies_subset_v3_subset } from './gen/envoy/extensions/load_balancing_policies/subset/v3/subset_pb.js'
import { file_envoy_extensions_load_balancing_policies_wrr_locality_v3_wrr_locality } from './gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.js'
import { file_envoy_extensions_matching_common_inputs_environment_variable_v3_input } from './gen/envoy/extensions/matching/common_inputs/environment_variable/v3/input_pb.js'
import { file_envoy_extensions_matching_common_inputs_network_v3_network_inputs } from './gen/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb.js'
import { file_envoy_extensions_matching_common_inputs_ssl_v3_ssl_inputs } from './gen/envoy/extensions/matching/common_inputs/ssl/v3/ssl_inputs_pb.js'
import { file_envoy_extensions_matching_common_inputs_transport_socket_v3_transport_socket_inputs } from './gen/envoy/extensions/matching/common_inputs/transport_socket/v3/transport_socket_inputs_pb.js'
import { file_envoy_extensions_matching_input_matchers_ip_v3_ip } from './gen/envoy/extensions/matching/input_matchers/ip/v3/ip_pb.js'
import { file_envoy_extensions_matching_input_matchers_metadata_v3_metadata } from './gen/envoy/extensions/matching/input_matchers/metadata/v3/metadata_pb.js'
import { file_envoy_extensions_matching_input_matchers_runtime_fraction_v3_runtime_fraction } from './gen/envoy/extensions/matching/input_matchers/runtime_fraction/v3/runtime_fraction_pb.js'
import { file_envoy_extensions_network_dns_resolver_cares_v3_cares_dns_resolver } from './gen/envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb.js'
import { file_envoy_extensions_network_dns_resolver_getaddrinfo_v3_getaddrinfo_dns_resolver } from './gen/envoy/extensions/network/dns_resolver/getaddrinfo/v3/getaddrinfo_dns_resolver_pb.js'
import { file_envoy_extensions_path_match_uri_template_v3_uri_template_match } from './gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js'
import { file_envoy_extensions_path_rewrite_uri_template_v3_uri_template_rewrite } from './gen/envoy/extensions/path/rewrite/uri_template/v3/uri_template_rewrite_pb.js'
import { file_envoy_extensions_rbac_matchers_upstream_ip_port_v3_upstream_ip_port_matcher } from './gen/envoy/extensions/rbac/matchers/upstream_ip_port/v3/upstream_ip_port_matcher_pb.js'
import { file_envoy_extensions_rbac_principals_mtls_authenticated_v3_mtls_authenticated } from './gen/envoy/extensions/rbac/principals/mtls_authenticated/v3/mtls_authenticated_pb.js'
import { file_envoy_extensions_regex_engines_v3_google_re2 } from './gen/envoy/extensions/regex_engines/v3/google_re2_pb.js'
import { file_envoy_extensions_request_id_uuid_v3_uuid } from './gen/envoy/extensions/request_id/uuid/v3/uuid_pb.js'
import { file_envoy_extensions_resource_monitors_downstream_connections_v3_downstream_connections } from './gen/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.js'
import { file_envoy_extensions_resource_monitors_fixed_heap_v3_fixed_heap } from './gen/envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap_pb.js'
import { file_envoy_extensions_retry_host_omit_canary_hosts_v3_omit_canary_hosts } from './gen/envoy/extensions/retry/host/omit_canary_hosts/v3/omit_canary_hosts_pb.js'
import { file_envoy_extensions_retry_host_omit_host_metadata_v3_omit_host_metadata_config } from './gen/envoy/extensions/retry/host/omit_host_metadata/v3/omit_host_metadata_config_pb.js'
import { file_envoy_extensions_retry_host_previous_hosts_v3_previous_hosts } from './gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js'
import { file_envoy_extensions_retry_priority_previous_priorities_v3_previous_priorities_config } from './gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.js'
import { file_envoy_extensions_tracers_opentelemetry_resource_detectors_v3_dynatrace_resource_detector } from './gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/dynatrace_resource_detector_pb.js'
import { file_envoy_extensions_tracers_opentelemetry_resource_detectors_v3_environment_resource_detector } from './gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector_pb.js'
import { file_envoy_extensions_tracers_opentelemetry_resource_detectors_v3_static_config_resource_detector } from './gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/static_config_resource_detector_pb.js'
import { file_envoy_extensions_tracers_opentelemetry_samplers_v3_always_on_sampler } from './gen/envoy/extensions/tracers/opentelemetry/samplers/v3/always_on_sampler_pb.js'
import { file_envoy_extensions_tracers_opentelemetry_samplers_v3_cel_sampler } from './gen/envoy/extensions/tracers/opentelemetry/samplers/v3/cel_sampler_pb.js'
import { file_envoy_extensions_tracers_opentelemetry_samplers_v3_dynatrace_sampler } from './gen/envoy/extensions/tracers/opentelemetry/samplers/v3/dynatrace_sampler_pb.js'
import { file_envoy_extensions_tracers_opentelemetry_samplers_v3_parent_based_sampler } from './gen/envoy/extensions/tracers/opentelemetry/samplers/v3/parent_based_sampler_pb.js'
import { file_envoy_extensions_tracers_opentelemetry_samplers_v3_trace_id_ratio_based_sampler } from './gen/envoy/extensions/tracers/opentelemetry/samplers/v3/trace_id_ratio_based_sampler_pb.js'
import { file_envoy_extensions_transport_sockets_http_11_proxy_v3_upstream_http_11_connect } from './gen/envoy/extensions/transport_sockets/http_11_proxy/v3/upstream_http_11_connect_pb.js'
import { file_envoy_extensions_transport_sockets_internal_upstream_v3_internal_upstream } from './gen/envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream_pb.js'
import { file_envoy_extensions_transport_sockets_proxy_protocol_v3_upstream_proxy_protocol } from './gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js'
import { file_envoy_extensions_transport_sockets_quic_v3_quic_transport } from './gen/envoy/extensions/transport_sockets/quic/v3/quic_transport_pb.js'
import { file_envoy_extensions_transport_sockets_raw_buffer_v3_raw_buffer } from './gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js'
import { file_envoy_extensions_transport_sockets_starttls_v3_starttls } from './gen/envoy/extensions/transport_sockets/starttls/v3/starttls_pb.js'
import { file_envoy_extensions_transport_sockets_tls_v3_cert } from './gen/envoy/extensions/transport_sockets/tls/v3/cert_pb.js'
import { file_envoy_extensions_transport_sockets_tls_v3_common } from './gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js'
import { file_envoy_extensions_transport_sockets_tls_v3_secret } from './gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import { file_envoy_extensions_transport_sockets_tls_v3_tls } from './gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js'
import { file_envoy_extensions_transport_sockets_tls_v3_tls_spiffe_validator_config } from './gen/envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config_pb.js'
import { file_envoy_extensions_upstreams_http_generic_v3_generic_connection_pool } from './gen/envoy/extensions/upstreams/http/generic/v3/generic_connection_pool_pb.js'
import { file_envoy_extensions_upstreams_http_http_v3_http_connection_pool } from './gen/envoy/extensions/upstreams/http/http/v3/http_connection_pool_pb.js'
import { file_envoy_extensions_upstreams_http_tcp_v3_tcp_connection_pool } from './gen/envoy/extensions/upstreams/http/tcp/v3/tcp_connection_pool_pb.js'
import { file_envoy_extensions_upstreams_http_v3_http_protocol_options } from './gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js'
import { file_envoy_extensions_upstreams_tcp_v3_tcp_protocol_options } from './gen/envoy/extensions/upstreams/tcp/v3/tcp_protocol_options_pb.js'
import { file_envoy_extensions_wasm_v3_wasm } from './gen/envoy/extensions/wasm/v3/wasm_pb.js'
import { file_envoy_service_accesslog_v3_als } from './gen/envoy/service/accesslog/v3/als_pb.js'
import { file_envoy_service_auth_v3_attribute_context } from './gen/envoy/service/auth/v3/attribute_context_pb.js'
import { file_envoy_service_auth_v3_external_auth } from './gen/envoy/service/auth/v3/external_auth_pb.js'
import { file_envoy_service_cluster_v3_cds } from './gen/envoy/service/cluster/v3/cds_pb.js'
import { file_envoy_service_discovery_v3_ads } from './gen/envoy/service/discovery/v3/ads_pb.js'
import { file_envoy_service_discovery_v3_discovery } from './gen/envoy/service/discovery/v3/discovery_pb.js'
import { file_envoy_service_endpoint_v3_eds } from './gen/envoy/service/endpoint/v3/eds_pb.js'
import { file_envoy_service_endpoint_v3_leds } from './gen/envoy/service/endpoint/v3/leds_pb.js'
import { file_envoy_service_extension_v3_config_discovery } from './gen/envoy/service/extension/v3/config_discovery_pb.js'
import { file_envoy_service_listener_v3_lds } from './gen/envoy/service/listener/v3/lds_pb.js'
import { file_envoy_service_load_stats_v3_lrs } from './gen/envoy/service/load_stats/v3/lrs_pb.js'
import { file_envoy_service_ratelimit_v3_rls } from './gen/envoy/service/ratelimit/v3/rls_pb.js'
import { file_envoy_service_route_v3_rds } from './gen/envoy/service/route/v3/rds_pb.js'
import { file_envoy_service_route_v3_srds } from './gen/envoy/service/route/v3/srds_pb.js'
import { file_envoy_service_runtime_v3_rtds } from './gen/envoy/service/runtime/v3/rtds_pb.js'
import { file_envoy_service_secret_v3_sds } from './gen/envoy/service/secret/v3/sds_pb.js'
import { file_envoy_service_status_v3_csds } from './gen/envoy/service/status/v3/csds_pb.js'
import { file_envoy_type_http_v3_cookie } from './gen/envoy/type/http/v3/cookie_pb.js'
import { file_envoy_type_http_v3_path_transformation } from './gen/envoy/type/http/v3/path_transformation_pb.js'
import { file_envoy_type_matcher_v3_address } from './gen/envoy/type/matcher/v3/address_pb.js'
import { file_envoy_type_matcher_v3_filter_state } from './gen/envoy/type/matcher/v3/filter_state_pb.js'
import { file_envoy_type_matcher_v3_http_inputs } from './gen/envoy/type/matcher/v3/http_inputs_pb.js'
import { file_envoy_type_matcher_v3_metadata } from './gen/envoy/type/matcher/v3/metadata_pb.js'
import { file_envoy_type_matcher_v3_node } from './gen/envoy/type/matcher/v3/node_pb.js'
import { file_envoy_type_matcher_v3_number } from './gen/envoy/type/matcher/v3/number_pb.js'
import { file_envoy_type_matcher_v3_path } from './gen/envoy/type/matcher/v3/path_pb.js'
import { file_envoy_type_matcher_v3_regex } from './gen/envoy/type/matcher/v3/regex_pb.js'
import { file_envoy_type_matcher_v3_status_code_input } from './gen/envoy/type/matcher/v3/status_code_input_pb.js'
import { file_envoy_type_matcher_v3_string } from './gen/envoy/type/matcher/v3/string_pb.js'
import { file_envoy_type_matcher_v3_struct } from './gen/envoy/type/matcher/v3/struct_pb.js'
import { file_envoy_type_matcher_v3_value } from './gen/envoy/type/matcher/v3/value_pb.js'
import { file_envoy_type_metadata_v3_metadata } from './gen/envoy/type/metadata/v3/metadata_pb.js'
import { file_envoy_type_tracing_v3_custom_tag } from './gen/envoy/type/tracing/v3/custom_tag_pb.js'
import { file_envoy_type_v3_hash_policy } from './gen/envoy/type/v3/hash_policy_pb.js'
import { file_envoy_type_v3_http } from './gen/envoy/type/v3/http_pb.js'
import { file_envoy_type_v3_http_status } from './gen/envoy/type/v3/http_status_pb.js'
import { file_envoy_type_v3_percent } from './gen/envoy/type/v3/percent_pb.js'
import { file_envoy_type_v3_range } from './gen/envoy/type/v3/range_pb.js'
import { file_envoy_type_v3_ratelimit_strategy } from './gen/envoy/type/v3/ratelimit_strategy_pb.js'
import { file_envoy_type_v3_ratelimit_unit } from './gen/envoy/type/v3/ratelimit_unit_pb.js'
import { file_envoy_type_v3_semantic_version } from './gen/envoy/type/v3/semantic_version_pb.js'
import { file_envoy_type_v3_token_bucket } from './gen/envoy/type/v3/token_bucket_pb.js'
import { file_google_api_expr_v1alpha1_checked } from './gen/google/api/expr/v1alpha1/checked_pb.js'
import { file_google_api_expr_v1alpha1_syntax } from './gen/google/api/expr/v1alpha1/syntax_pb.js'
import { file_google_rpc_status } from './gen/google/rpc/status_pb.js'
import { file_grpc_health_v1_health } from './gen/grpc/health/v1/health_pb.js'
import { file_grpc_reflection_v1_reflection } from './gen/grpc/reflection/v1/reflection_pb.js'
import { file_grpc_reflection_v1alpha_reflection } from './gen/grpc/reflection/v1alpha/reflection_pb.js'
import { file_opencensus_proto_trace_v1_trace_config } from './gen/opencensus/proto/trace/v1/trace_config_pb.js'
import { file_opentelemetry_proto_common_v1_common } from './gen/opentelemetry/proto/common/v1/common_pb.js'
import { file_udpa_type_v1_typed_struct } from './gen/udpa/type/v1/typed_struct_pb.js'
import { file_xds_core_v3_authority } from './gen/xds/core/v3/authority_pb.js'
import { file_xds_core_v3_cidr } from './gen/xds/core/v3/cidr_pb.js'
import { file_xds_core_v3_collection_entry } from './gen/xds/core/v3/collection_entry_pb.js'
import { file_xds_core_v3_context_params } from './gen/xds/core/v3/context_params_pb.js'
import { file_xds_core_v3_extension } from './gen/xds/core/v3/extension_pb.js'
import { file_xds_core_v3_resource_locator } from './gen/xds/core/v3/resource_locator_pb.js'
import { file_xds_core_v3_resource_name } from './gen/xds/core/v3/resource_name_pb.js'
import { file_xds_core_v3_resource } from './gen/xds/core/v3/resource_pb.js'
import { file_xds_type_matcher_v3_cel } from './gen/xds/type/matcher/v3/cel_pb.js'
import { file_xds_type_matcher_v3_domain } from './gen/xds/type/matcher/v3/domain_pb.js'
import { file_xds_type_matcher_v3_http_inputs } from './gen/xds/type/matcher/v3/http_inputs_pb.js'
import { file_xds_type_matcher_v3_ip } from './gen/xds/type/matcher/v3/ip_pb.js'
import { file_xds_type_matcher_v3_matcher } from './gen/xds/type/matcher/v3/matcher_pb.js'
import { file_xds_type_matcher_v3_range } from './gen/xds/type/matcher/v3/range_pb.js'
import { file_xds_type_matcher_v3_regex } from './gen/xds/type/matcher/v3/regex_pb.js'
import { file_xds_type_matcher_v3_string } from './gen/xds/type/matcher/v3/string_pb.js'
import { file_xds_type_v3_cel } from './gen/xds/type/v3/cel_pb.js'
import { file_xds_type_v3_range } from './gen/xds/type/v3/range_pb.js'
import { file_xds_type_v3_typed_struct } from './gen/xds/type/v3/typed_struct_pb.js'

/** The types an Any in our JSON may hold: all that gen/ declares, and the well-known ones. */
export const registry: Registry = createRegistry(
  wkt.file_google_protobuf_any,
  wkt.file_google_protobuf_duration,
  wkt.file_google_protobuf_empty,
  wkt.file_google_protobuf_field_mask,
  wkt.file_google_protobuf_struct,
  wkt.file_google_protobuf_timestamp,
  wkt.file_google_protobuf_wrappers,
  file_cel_expr_checked,
  file_cel_expr_syntax,
  file_envoy_admin_v3_certs,
  file_envoy_admin_v3_clusters,
  file_envoy_admin_v3_config_dump,
  file_envoy_admin_v3_config_dump_shared,
  file_envoy_admin_v3_init_dump,
  file_envoy_admin_v3_listeners,
  file_envoy_admin_v3_memory,
  file_envoy_admin_v3_metrics,
  file_envoy_admin_v3_mutex_stats,
  file_envoy_admin_v3_server_info,
  file_envoy_admin_v3_tap,
  file_envoy_config_accesslog_v3_accesslog,
  file_envoy_config_bootstrap_v3_bootstrap,
  file_envoy_config_cluster_v3_circuit_breaker,
  file_envoy_config_cluster_v3_cluster,
  file_envoy_config_cluster_v3_filter,
  file_envoy_config_cluster_v3_outlier_detection,
  file_envoy_config_common_key_value_v3_config,
  file_envoy_config_common_matcher_v3_matcher,
  file_envoy_config_common_mutation_rules_v3_mutation_rules,
  file_envoy_config_core_v3_address,
  file_envoy_config_core_v3_backoff,
  file_envoy_config_core_v3_base,
  file_envoy_config_core_v3_cel,
  file_envoy_config_core_v3_config_source,
  file_envoy_config_core_v3_event_service_config,
  file_envoy_config_core_v3_extension,
  file_envoy_config_core_v3_grpc_method_list,
  file_envoy_config_core_v3_grpc_service,
  file_envoy_config_core_v3_health_check,
  file_envoy_config_core_v3_http_service,
  file_envoy_config_core_v3_http_uri,
  file_envoy_config_core_v3_protocol,
  file_envoy_config_core_v3_proxy_protocol,
  file_envoy_config_core_v3_resolver,
  file_envoy_config_core_v3_socket_cmsg_headers,
  file_envoy_config_core_v3_socket_option,
  file_envoy_config_core_v3_substitution_format_string,
  file_envoy_config_core_v3_udp_socket_config,
  file_envoy_config_endpoint_v3_endpoint_components,
  file_envoy_config_endpoint_v3_endpoint,
  file_envoy_config_endpoint_v3_load_report,
  file_envoy_config_listener_v3_api_listener,
  file_envoy_config_listener_v3_listener_components,
  file_envoy_config_listener_v3_listener,
  file_envoy_config_listener_v3_quic_config,
  file_envoy_config_listener_v3_udp_listener_config,
  file_envoy_config_metrics_v3_metrics_service,
  file_envoy_config_metrics_v3_stats,
  file_envoy_config_overload_v3_overload,
  file_envoy_config_ratelimit_v3_rls,
  file_envoy_config_rbac_v3_rbac,
  file_envoy_config_route_v3_route_components,
  file_envoy_config_route_v3_route,
  file_envoy_config_route_v3_scoped_route,
  file_envoy_config_tap_v3_common,
  file_envoy_config_trace_v3_datadog,
  file_envoy_config_trace_v3_dynamic_ot,
  file_envoy_config_trace_v3_http_tracer,
  file_envoy_config_trace_v3_lightstep,
  file_envoy_config_trace_v3_opencensus,
  file_envoy_config_trace_v3_opentelemetry,
  file_envoy_config_trace_v3_service,
  file_envoy_config_trace_v3_skywalking,
  file_envoy_config_trace_v3_trace,
  file_envoy_config_trace_v3_xray,
  file_envoy_config_trace_v3_zipkin,
  file_envoy_config_upstream_local_address_selector_v3_default_local_address_selector,
  file_envoy_data_accesslog_v3_accesslog,
  file_envoy_extensions_access_loggers_file_v3_file,
  file_envoy_extensions_access_loggers_filters_cel_v3_cel,
  file_envoy_extensions_access_loggers_grpc_v3_als,
  file_envoy_extensions_access_loggers_open_telemetry_v3_logs_service,
  file_envoy_extensions_access_loggers_stream_v3_stream,
  file_envoy_extensions_bootstrap_internal_listener_v3_internal_listener,
  file_envoy_extensions_clusters_aggregate_v3_cluster,
  file_envoy_extensions_clusters_common_dns_v3_dns,
  file_envoy_extensions_clusters_dns_v3_dns_cluster,
  file_envoy_extensions_clusters_dynamic_forward_proxy_v3_cluster,
  file_envoy_extensions_clusters_redis_v3_redis_cluster,
  file_envoy_extensions_common_aws_v3_credential_provider,
  file_envoy_extensions_common_dynamic_forward_proxy_v3_dns_cache,
  file_envoy_extensions_common_matching_v3_extension_matcher,
  file_envoy_extensions_common_ratelimit_v3_ratelimit,
  file_envoy_extensions_filters_common_fault_v3_fault,
  file_envoy_extensions_filters_common_set_filter_state_v3_value,
  file_envoy_extensions_filters_http_buffer_v3_buffer,
  file_envoy_extensions_filters_http_composite_v3_composite,
  file_envoy_extensions_filters_http_connect_grpc_bridge_v3_config,
  file_envoy_extensions_filters_http_cors_v3_cors,
  file_envoy_extensions_filters_http_csrf_v3_csrf,
  file_envoy_extensions_filters_http_dynamic_forward_proxy_v3_dynamic_forward_proxy,
  file_envoy_extensions_filters_http_ext_authz_v3_ext_authz,
  file_envoy_extensions_filters_http_fault_v3_fault,
  file_envoy_extensions_filters_http_grpc_http1_bridge_v3_config,
  file_envoy_extensions_filters_http_grpc_stats_v3_config,
  file_envoy_extensions_filters_http_grpc_web_v3_grpc_web,
  file_envoy_extensions_filters_http_header_mutation_v3_header_mutation,
  file_envoy_extensions_filters_http_header_to_metadata_v3_header_to_metadata,
  file_envoy_extensions_filters_http_health_check_v3_health_check,
  file_envoy_extensions_filters_http_jwt_authn_v3_config,
  file_envoy_extensions_filters_http_local_ratelimit_v3_local_rate_limit,
  file_envoy_extensions_filters_http_lua_v3_lua,
  file_envoy_extensions_filters_http_on_demand_v3_on_demand,
  file_envoy_extensions_filters_http_ratelimit_v3_rate_limit,
  file_envoy_extensions_filters_http_rbac_v3_rbac,
  file_envoy_extensions_filters_http_router_v3_router,
  file_envoy_extensions_filters_http_set_filter_state_v3_set_filter_state,
  file_envoy_extensions_filters_http_set_metadata_v3_set_metadata,
  file_envoy_extensions_filters_http_stateful_session_v3_stateful_session,
  file_envoy_extensions_filters_http_upstream_codec_v3_upstream_codec,
  file_envoy_extensions_filters_http_wasm_v3_wasm,
  file_envoy_extensions_filters_listener_http_inspector_v3_http_inspector,
  file_envoy_extensions_filters_listener_local_ratelimit_v3_local_ratelimit,
  file_envoy_extensions_filters_listener_original_dst_v3_original_dst,
  file_envoy_extensions_filters_listener_original_src_v3_original_src,
  file_envoy_extensions_filters_listener_proxy_protocol_v3_proxy_protocol,
  file_envoy_extensions_filters_listener_tls_inspector_v3_tls_inspector,
  file_envoy_extensions_filters_network_connection_limit_v3_connection_limit,
  file_envoy_extensions_filters_network_direct_response_v3_config,
  file_envoy_extensions_filters_network_echo_v3_echo,
  file_envoy_extensions_filters_network_ext_authz_v3_ext_authz,
  file_envoy_extensions_filters_network_http_connection_manager_v3_http_connection_manager,
  file_envoy_extensions_filters_network_local_ratelimit_v3_local_rate_limit,
  file_envoy_extensions_filters_network_mongo_proxy_v3_mongo_proxy,
  file_envoy_extensions_filters_network_ratelimit_v3_rate_limit,
  file_envoy_extensions_filters_network_rbac_v3_rbac,
  file_envoy_extensions_filters_network_redis_proxy_v3_redis_proxy,
  file_envoy_extensions_filters_network_set_filter_state_v3_set_filter_state,
  file_envoy_extensions_filters_network_sni_cluster_v3_sni_cluster,
  file_envoy_extensions_filters_network_sni_dynamic_forward_proxy_v3_sni_dynamic_forward_proxy,
  file_envoy_extensions_filters_network_tcp_proxy_v3_tcp_proxy,
  file_envoy_extensions_filters_network_wasm_v3_wasm,
  file_envoy_extensions_formatter_metadata_v3_metadata,
  file_envoy_extensions_formatter_req_without_query_v3_req_without_query,
  file_envoy_extensions_http_header_formatters_preserve_case_v3_preserve_case,
  file_envoy_extensions_http_original_ip_detection_custom_header_v3_custom_header,
  file_envoy_extensions_http_original_ip_detection_xff_v3_xff,
  file_envoy_extensions_http_stateful_session_cookie_v3_cookie,
  file_envoy_extensions_http_stateful_session_header_v3_header,
  file_envoy_extensions_internal_redirect_previous_routes_v3_previous_routes_config,
  file_envoy_extensions_internal_redirect_safe_cross_scheme_v3_safe_cross_scheme_config,
  file_envoy_extensions_load_balancing_policies_client_side_weighted_round_robin_v3_client_side_weighted_round_robin,
  file_envoy_extensions_load_balancing_policies_cluster_provided_v3_cluster_provided,
  file_envoy_extensions_load_balancing_policies_common_v3_common,
  file_envoy_extensions_load_balancing_policies_least_request_v3_least_request,
  file_envoy_extensions_load_balancing_policies_maglev_v3_maglev,
  file_envoy_extensions_load_balancing_policies_override_host_v3_override_host,
  file_envoy_extensions_load_balancing_policies_pick_first_v3_pick_first,
  file_envoy_extensions_load_balancing_policies_random_v3_random,
  file_envoy_extensions_load_balancing_policies_ring_hash_v3_ring_hash,
  file_envoy_extensions_load_balancing_policies_round_robin_v3_round_robin,
  file_envoy_extensions_load_balancing_policies_subset_v3_subset,
  file_envoy_extensions_load_balancing_policies_wrr_locality_v3_wrr_locality,
  file_envoy_extensions_matching_common_inputs_environment_variable_v3_input,
  file_envoy_extensions_matching_common_inputs_network_v3_network_inputs,
  file_envoy_extensions_matching_common_inputs_ssl_v3_ssl_inputs,
  file_envoy_extensions_matching_common_inputs_transport_socket_v3_transport_socket_inputs,
  file_envoy_extensions_matching_input_matchers_ip_v3_ip,
  file_envoy_extensions_matching_input_matchers_metadata_v3_metadata,
  file_envoy_extensions_matching_input_matchers_runtime_fraction_v3_runtime_fraction,
  file_envoy_extensions_network_dns_resolver_cares_v3_cares_dns_resolver,
  file_envoy_extensions_network_dns_resolver_getaddrinfo_v3_getaddrinfo_dns_resolver,
  file_envoy_extensions_path_match_uri_template_v3_uri_template_match,
  file_envoy_extensions_path_rewrite_uri_template_v3_uri_template_rewrite,
  file_envoy_extensions_rbac_matchers_upstream_ip_port_v3_upstream_ip_port_matcher,
  file_envoy_extensions_rbac_principals_mtls_authenticated_v3_mtls_authenticated,
  file_envoy_extensions_regex_engines_v3_google_re2,
  file_envoy_extensions_request_id_uuid_v3_uuid,
  file_envoy_extensions_resource_monitors_downstream_connections_v3_downstream_connections,
  file_envoy_extensions_resource_monitors_fixed_heap_v3_fixed_heap,
  file_envoy_extensions_retry_host_omit_canary_hosts_v3_omit_canary_hosts,
  file_envoy_extensions_retry_host_omit_host_metadata_v3_omit_host_metadata_config,
  file_envoy_extensions_retry_host_previous_hosts_v3_previous_hosts,
  file_envoy_extensions_retry_priority_previous_priorities_v3_previous_priorities_config,
  file_envoy_extensions_tracers_opentelemetry_resource_detectors_v3_dynatrace_resource_detector,
  file_envoy_extensions_tracers_opentelemetry_resource_detectors_v3_environment_resource_detector,
  file_envoy_extensions_tracers_opentelemetry_resource_detectors_v3_static_config_resource_detector,
  file_envoy_extensions_tracers_opentelemetry_samplers_v3_always_on_sampler,
  file_envoy_extensions_tracers_opentelemetry_samplers_v3_cel_sampler,
  file_envoy_extensions_tracers_opentelemetry_samplers_v3_dynatrace_sampler,
  file_envoy_extensions_tracers_opentelemetry_samplers_v3_parent_based_sampler,
  file_envoy_extensions_tracers_opentelemetry_samplers_v3_trace_id_ratio_based_sampler,
  file_envoy_extensions_transport_sockets_http_11_proxy_v3_upstream_http_11_connect,
  file_envoy_extensions_transport_sockets_internal_upstream_v3_internal_upstream,
  file_envoy_extensions_transport_sockets_proxy_protocol_v3_upstream_proxy_protocol,
  file_envoy_extensions_transport_sockets_quic_v3_quic_transport,
  file_envoy_extensions_transport_sockets_raw_buffer_v3_raw_buffer,
  file_envoy_extensions_transport_sockets_starttls_v3_starttls,
  file_envoy_extensions_transport_sockets_tls_v3_cert,
  file_envoy_extensions_transport_sockets_tls_v3_common,
  file_envoy_extensions_transport_sockets_tls_v3_secret,
  file_envoy_extensions_transport_sockets_tls_v3_tls,
  file_envoy_extensions_transport_sockets_tls_v3_tls_spiffe_validator_config,
  file_envoy_extensions_upstreams_http_generic_v3_generic_connection_pool,
  file_envoy_extensions_upstreams_http_http_v3_http_connection_pool,
  file_envoy_extensions_upstreams_http_tcp_v3_tcp_connection_pool,
  file_envoy_extensions_upstreams_http_v3_http_protocol_options,
  file_envoy_extensions_upstreams_tcp_v3_tcp_protocol_options,
  file_envoy_extensions_wasm_v3_wasm,
  file_envoy_service_accesslog_v3_als,
  file_envoy_service_auth_v3_attribute_context,
  file_envoy_service_auth_v3_external_auth,
  file_envoy_service_cluster_v3_cds,
  file_envoy_service_discovery_v3_ads,
  file_envoy_service_discovery_v3_discovery,
  file_envoy_service_endpoint_v3_eds,
  file_envoy_service_endpoint_v3_leds,
  file_envoy_service_extension_v3_config_discovery,
  file_envoy_service_listener_v3_lds,
  file_envoy_service_load_stats_v3_lrs,
  file_envoy_service_ratelimit_v3_rls,
  file_envoy_service_route_v3_rds,
  file_envoy_service_route_v3_srds,
  file_envoy_service_runtime_v3_rtds,
  file_envoy_service_secret_v3_sds,
  file_envoy_service_status_v3_csds,
  file_envoy_type_http_v3_cookie,
  file_envoy_type_http_v3_path_transformation,
  file_envoy_type_matcher_v3_address,
  file_envoy_type_matcher_v3_filter_state,
  file_envoy_type_matcher_v3_http_inputs,
  file_envoy_type_matcher_v3_metadata,
  file_envoy_type_matcher_v3_node,
  file_envoy_type_matcher_v3_number,
  file_envoy_type_matcher_v3_path,
  file_envoy_type_matcher_v3_regex,
  file_envoy_type_matcher_v3_status_code_input,
  file_envoy_type_matcher_v3_string,
  file_envoy_type_matcher_v3_struct,
  file_envoy_type_matcher_v3_value,
  file_envoy_type_metadata_v3_metadata,
  file_envoy_type_tracing_v3_custom_tag,
  file_envoy_type_v3_hash_policy,
  file_envoy_type_v3_http,
  file_envoy_type_v3_http_status,
  file_envoy_type_v3_percent,
  file_envoy_type_v3_range,
  file_envoy_type_v3_ratelimit_strategy,
  file_envoy_type_v3_ratelimit_unit,
  file_envoy_type_v3_semantic_version,
  file_envoy_type_v3_token_bucket,
  file_google_api_expr_v1alpha1_checked,
  file_google_api_expr_v1alpha1_syntax,
  file_google_rpc_status,
  file_grpc_health_v1_health,
  file_grpc_reflection_v1_reflection,
  file_grpc_reflection_v1alpha_reflection,
  file_opencensus_proto_trace_v1_trace_config,
  file_opentelemetry_proto_common_v1_common,
  file_udpa_type_v1_typed_struct,
  file_xds_core_v3_authority,
  file_xds_core_v3_cidr,
  file_xds_core_v3_collection_entry,
  file_xds_core_v3_context_params,
  file_xds_core_v3_extension,
  file_xds_core_v3_resource_locator,
  file_xds_core_v3_resource_name,
  file_xds_core_v3_resource,
  file_xds_type_matcher_v3_cel,
  file_xds_type_matcher_v3_domain,
  file_xds_type_matcher_v3_http_inputs,
  file_xds_type_matcher_v3_ip,
  file_xds_type_matcher_v3_matcher,
  file_xds_type_matcher_v3_range,
  file_xds_type_matcher_v3_regex,
  file_xds_type_matcher_v3_string,
  file_xds_type_v3_cel,
  file_xds_type_v3_range,
  file_xds_type_v3_typed_struct,
)
