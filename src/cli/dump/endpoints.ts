/** Endpoints as `istioctl proxy-config endpoints` shows them. */
import { addressText, type LoadAssignment } from './dump.ts'

export const endpointHead = ['ENDPOINT', 'STATUS', 'WEIGHT', 'PRIORITY', 'LOCALITY', 'CLUSTER'] as const

export function endpointRows({
  cluster_name = '',
  endpoints = [],
}: LoadAssignment): readonly (readonly (string | number)[])[] {
  return endpoints.flatMap(({ locality, priority = 0, lb_endpoints = [] }) =>
    lb_endpoints.map(({ endpoint, health_status, load_balancing_weight }) => [
      addressText(endpoint?.address),
      // Unset means UNKNOWN, which Envoy takes for healthy.
      health_status ?? 'HEALTHY',
      load_balancing_weight ?? 1,
      priority,
      [locality?.region, locality?.zone, locality?.sub_zone].filter(Boolean).join('/'),
      cluster_name,
    ]),
  )
}
