/** Reports as clients send them. */
import type { ClusterLoad, LoadReport, LocalityLoad } from '#xds/server/index.ts'

/** `r/z`, as a report has it. */
export function locality(zone: string): { region: string; zone: string; subZone: string } {
  const [region = '', name = ''] = zone.split('/')
  return { region, zone: name, subZone: 'rack' }
}

export const to = (zone: string, issued: number, more: Partial<LocalityLoad> = {}): LocalityLoad => ({
  ...locality(zone),
  priority: 0,
  issued,
  succeeded: issued,
  failed: 0,
  inProgress: 0,
  metrics: [],
  ...more,
})

export const cluster = (name: string, ...localities: LocalityLoad[]): ClusterLoad => ({
  name,
  service: name,
  intervalMs: 2000,
  dropped: 0,
  localities,
})

/** Of a client in `zone` ('' = it does not say). */
export const report = (id: string, zone: string, ...clusters: ClusterLoad[]): LoadReport => ({
  node: {
    id: `sidecar~10.0.0.1~${id}.default~default.svc.cluster.local`,
    cluster: '',
    metadata: {},
    userAgentName: 'envoy',
    userAgentVersion: '1.40.0',
    ...(zone !== '' && { locality: locality(zone) }),
  },
  peer: '10.0.0.1:1',
  at: 0,
  clusters,
})
