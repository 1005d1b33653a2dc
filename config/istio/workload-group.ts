/** Istio WorkloadGroup: the template of workloads that register themselves. It gives no endpoints of its own. */
import {
  type IWorkloadGroup,
  WorkloadGroup,
} from '@kubernetes-models/istio/networking.istio.io/v1/WorkloadGroup'
import type { Path } from '../yaml.ts'
import type { CheckContext, KindDefinition, Report, Shape, ShapeOf } from './kind.ts'
import { checkLabels, checkLocality, checkPort, checkPortName } from './rules.ts'
import { schemaOf } from './schema.ts'
import { checkHealth, HEALTH_KEY, type LooseWorkload, workloadShape } from './workload-entry.ts'

interface Probe {
  readonly exec?: { readonly command?: readonly string[] }
  readonly grpc?: { readonly port?: number; readonly service?: string }
  readonly httpGet?: { readonly port?: number; readonly scheme?: string; readonly path?: string }
  readonly tcpSocket?: { readonly port?: number }
  readonly failureThreshold?: number
  readonly initialDelaySeconds?: number
  readonly periodSeconds?: number
  readonly successThreshold?: number
  readonly timeoutSeconds?: number
}
interface Spec {
  readonly metadata?: {
    readonly labels?: Record<string, string>
    readonly annotations?: Record<string, string>
  }
  readonly template?: LooseWorkload
  readonly probe?: Probe
}

const probe: Shape = {
  exec: { command: 'value' },
  failureThreshold: 'value',
  grpc: { port: 'value', service: 'value' },
  httpGet: {
    host: 'value',
    httpHeaders: { name: 'value', value: 'value' },
    path: 'value',
    port: 'value',
    scheme: 'value',
  },
  initialDelaySeconds: 'value',
  periodSeconds: 'value',
  successThreshold: 'value',
  tcpSocket: { host: 'value', port: 'value' },
  timeoutSeconds: 'value',
}

const shape = {
  metadata: { annotations: 'map', labels: 'map' },
  template: workloadShape,
} as const satisfies ShapeOf<Omit<IWorkloadGroup['spec'], 'probe'>>

function check(spec: Spec, _context: CheckContext, report: Report): void {
  checkLabels(spec.metadata?.labels, ['spec', 'metadata', 'labels'], report)
  if (spec.template) checkTemplate(spec.template, ['spec', 'template'], report)
  if (spec.probe) checkProbe(spec.probe, ['spec', 'probe'], report)
}

/** Its address comes from the workload that registers, so none of the rules about it apply. */
function checkTemplate(template: LooseWorkload, path: Path, report: Report): void {
  for (const [name, port] of Object.entries(template.ports ?? {})) {
    checkPortName(name, [...path, 'ports', name], report)
    checkPort(port, [...path, 'ports', name], report)
  }
  checkLabels(template.labels, [...path, 'labels'], report)
  checkLocality(template.locality, [...path, 'locality'], report)
  checkHealth(template.labels?.[HEALTH_KEY], [...path, 'labels', HEALTH_KEY], report)
}

const METHODS = ['httpGet', 'tcpSocket', 'exec', 'grpc'] as const
const COUNTS = [
  'periodSeconds',
  'initialDelaySeconds',
  'timeoutSeconds',
  'successThreshold',
  'failureThreshold',
] as const

function checkProbe(value: Probe, path: Path, report: Report): void {
  const methods = METHODS.filter((m) => value[m] !== undefined)
  if (methods.length !== 1) {
    const found = methods.length ? methods.join(' and ') : 'no method'
    report('PH1301', path, `a probe has exactly one method, this one has ${found}`, {
      params: { hint: `Give it one of ${METHODS.join(', ')}.` },
    })
  }
  for (const count of COUNTS)
    if ((value[count] ?? 0) < 0)
      report('PH1301', [...path, count], `${count} is negative`, { params: { hint: 'Use 0 or more.' } })
  for (const method of ['httpGet', 'tcpSocket', 'grpc'] as const)
    checkPort(value[method]?.port, [...path, method, 'port'], report)
  const scheme = value.httpGet?.scheme
  if (scheme && scheme !== 'HTTP' && scheme !== 'HTTPS')
    report('PH1301', [...path, 'httpGet', 'scheme'], `"${scheme}" is no scheme`, {
      params: { hint: 'Use HTTP or HTTPS.' },
    })
  if (value.exec && !value.exec.command?.length)
    report('PH1301', [...path, 'exec', 'command'], 'the command is empty', {
      params: { hint: 'Name the program to run.' },
    })
}

export const workloadGroup: KindDefinition = {
  kind: 'WorkloadGroup',
  schema: schemaOf(WorkloadGroup),
  spec: { ...shape, probe },
  check,
  toSpec: (spec) => spec,
}
