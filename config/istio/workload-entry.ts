/** Istio WorkloadEntry, and the inline endpoints of a ServiceEntry, which have the same fields. */
import { isIP } from 'node:net'
import {
  type IWorkloadEntry,
  WorkloadEntry,
} from '@kubernetes-models/istio/networking.istio.io/v1/WorkloadEntry'
import type { WorkloadEntrySpec } from '#model/config.ts'
import type { Path } from '../yaml.ts'
import type { KindDefinition, Loose, Report, ShapeOf } from './kind.ts'
import {
  checkLabels,
  checkLocality,
  checkPort,
  checkPortName,
  isFqdn,
  isUnixAddress,
  UNIX_PREFIX,
} from './rules.ts'
import { schemaOf } from './schema.ts'

/** `pilothouse.io/health`: an annotation of a WorkloadEntry or a label of an inline endpoint, to drain it by file. */
export const HEALTH_KEY = 'pilothouse.io/health'
const HEALTHS = ['healthy', 'degraded', 'unhealthy', 'draining']

export const workloadShape = {
  address: 'value',
  labels: 'map',
  locality: 'value',
  network: 'value',
  ports: 'map',
  serviceAccount: 'value',
  weight: 'value',
} as const satisfies ShapeOf<IWorkloadEntry['spec']>

export type LooseWorkload = Loose<IWorkloadEntry['spec']>

export function checkHealth(value: string | undefined, path: Path, report: Report): void {
  if (value !== undefined && !HEALTHS.includes(value)) report('PH1116', path, `"${value}" is no health`)
}

/** What an endpoint must have wherever it stands; `address` rules depend on the resolution and come from the caller. */
export function checkWorkload(
  workload: LooseWorkload,
  path: Path,
  report: Report,
  rules: { readonly names: boolean; readonly servicePorts?: ReadonlySet<string> },
): void {
  checkAddress(workload, path, report, rules.names)
  const unix = workload.address?.startsWith(UNIX_PREFIX)
  if (unix && Object.keys(workload.ports ?? {}).length)
    report('PH1109', [...path, 'ports'], 'an endpoint on a Unix socket has no ports')
  if (unix && rules.servicePorts && rules.servicePorts.size !== 1)
    report(
      'PH1109',
      [...path, 'address'],
      'a service with an endpoint on a Unix socket must have exactly one port',
    )
  for (const [name, port] of Object.entries(workload.ports ?? {})) {
    const at = [...path, 'ports', name]
    if (rules.servicePorts && !rules.servicePorts.has(name)) {
      const known = [...rules.servicePorts].join(', ')
      report('PH1110', at, `the service has no port named "${name}"`, { key: true, params: { known } })
    }
    checkPortName(name, at, report)
    checkPort(port, at, report)
  }
  checkLabels(workload.labels, [...path, 'labels'], report)
  checkLocality(workload.locality, [...path, 'locality'], report)
  checkHealth(workload.labels?.[HEALTH_KEY], [...path, 'labels', HEALTH_KEY], report)
}

function checkAddress(workload: LooseWorkload, path: Path, report: Report, names: boolean): void {
  const { address } = workload
  if (!address) {
    if (!workload.network)
      report('PH1005', [...path, 'address'], 'address is missing', { params: { field: 'address' } })
    else
      report('PH1118', path, `without an address, only network "${workload.network}" is known`, {
        params: { hint: 'Add an address: gateways of other networks are not used in this version.' },
      })
    return
  }
  const at = [...path, 'address']
  if (address.startsWith(UNIX_PREFIX)) {
    if (!isUnixAddress(address)) report('PH1109', at, `"${address}" is no absolute socket path`)
    return
  }
  if (isIP(address)) return
  if (!names) {
    const hint = 'Use an IP address, or resolution DNS for names.'
    report('PH1108', at, `"${address}" is no IP address`, { params: { hint } })
  } else if (!isFqdn(address)) {
    const hint = 'Use an IP address or a DNS name, without a port.'
    report('PH1108', at, `"${address}" is neither an IP address nor a DNS name`, { params: { hint } })
  }
}

export function toWorkload(workload: LooseWorkload): WorkloadEntrySpec {
  return {
    address: workload.address ?? '',
    ports: (workload.ports ?? {}) as Record<string, number>,
    labels: (workload.labels ?? {}) as Record<string, string>,
    network: workload.network ?? '',
    locality: workload.locality ?? '',
    // Istio: an unset weight is 1, and so is 0.
    weight: workload.weight || 1,
    serviceAccount: workload.serviceAccount ?? '',
  }
}

export const workloadEntry: KindDefinition = {
  kind: 'WorkloadEntry',
  schema: schemaOf(WorkloadEntry),
  spec: workloadShape,
  check: (spec, _context, report) => checkWorkload(spec, ['spec'], report, { names: true }),
  toSpec: toWorkload,
}
