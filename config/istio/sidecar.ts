/** Istio Sidecar: its rules (istio/istio pkg/config/validation ValidateSidecar). */
import { isIP } from 'node:net'
import { type ISidecar, Sidecar } from '@kubernetes-models/istio/networking.istio.io/v1/Sidecar'
import { parseDuration } from '#support/duration.ts'
import type { Path } from '../yaml.ts'
import type { CheckContext, KindDefinition, Loose, Report, ShapeOf } from './kind.ts'
import {
  checkPort,
  checkPortName,
  checkProtocol,
  checkSelector,
  isNamespace,
  isPort,
  isUnixAddress,
  isWildcardDomain,
  UNIX_PREFIX,
} from './rules.ts'
import { schemaOf } from './schema.ts'

type Spec = Loose<ISidecar['spec']>
type Egress = NonNullable<NonNullable<Spec['egress']>[number]>
type Ingress = NonNullable<NonNullable<Spec['ingress']>[number]>
type Pool = NonNullable<Spec['inboundConnectionPool']>

const port = { name: 'value', number: 'value', protocol: 'value', targetPort: 'value' } as const
const connectionPool = {
  http: {
    h2UpgradePolicy: 'ignored',
    http1MaxPendingRequests: 'value',
    http2MaxRequests: 'value',
    idleTimeout: 'value',
    maxConcurrentStreams: 'value',
    maxRequestsPerConnection: 'value',
    maxRetries: 'value',
    useClientProtocol: 'ignored',
  },
  tcp: {
    connectTimeout: 'value',
    idleTimeout: 'value',
    maxConnectionDuration: 'value',
    maxConnections: 'value',
    tcpKeepalive: 'ignored',
  },
} as const
const shape = {
  egress: { bind: 'value', captureMode: 'value', hosts: 'value', port },
  inboundConnectionPool: connectionPool,
  ingress: {
    bind: 'value',
    captureMode: 'value',
    connectionPool,
    defaultEndpoint: 'value',
    port,
    tls: 'ignored',
  },
  outboundTrafficPolicy: { egressProxy: 'ignored', mode: 'value' },
  workloadSelector: { labels: 'map' },
} as const satisfies ShapeOf<ISidecar['spec']>

function check(spec: Spec, context: CheckContext, report: Report): void {
  checkSelector(spec.workloadSelector, ['spec', 'workloadSelector'], report)
  if (spec.workloadSelector && context.namespace === context.rootNamespace)
    report(
      'PH1206',
      ['spec', 'workloadSelector'],
      'a Sidecar in the root namespace is the default of the whole mesh, and its selector takes that away',
    )
  const empty =
    !spec.egress?.length &&
    !spec.ingress?.length &&
    !spec.outboundTrafficPolicy &&
    !spec.inboundConnectionPool
  if (empty) report('PH1201', ['spec'], 'the Sidecar says nothing')
  checkIngress(spec, report)
  checkEgress(spec, context, report)
  checkPool(spec.inboundConnectionPool, ['spec', 'inboundConnectionPool'], report)
}

function checkIngress(spec: Spec, report: Report): void {
  const numbers = new Set<number>()
  for (const [i, ingress] of (spec.ingress ?? []).entries()) {
    if (!ingress) continue
    const at = ['spec', 'ingress', i]
    const { port: listen, bind } = ingress
    if (listen) {
      if (!listen.number)
        report('PH1103', [...at, 'port', 'number'], 'an ingress listener needs a port number')
      checkListenPort(listen, [...at, 'port'], numbers, report)
    }
    if (bind && !isIP(bind)) report('PH1102', [...at, 'bind'], `"${bind}" is no IP address`)
    checkDefaultEndpoint(ingress, at, report)
    checkPool(ingress.connectionPool, [...at, 'connectionPool'], report)
  }
}

function checkListenPort(
  listen: NonNullable<Ingress['port']>,
  path: Path,
  numbers: Set<number>,
  report: Report,
): void {
  if (listen.name) checkPortName(listen.name, [...path, 'name'], report)
  checkProtocol(listen.protocol, [...path, 'protocol'], report, ['HTTP_PROXY'])
  if (listen.targetPort)
    report('PH1205', [...path, 'targetPort'], 'targetPort has no meaning in a Sidecar', {
      params: { hint: 'Remove targetPort.' },
    })
  if (!listen.number) return
  checkPort(listen.number, [...path, 'number'], report)
  if (numbers.has(listen.number)) report('PH1104', [...path, 'number'], `port ${listen.number} is used twice`)
  numbers.add(listen.number)
}

const ENDPOINT_HOSTS = ['', '127.0.0.1', '0.0.0.0', '::1', '::']

function checkDefaultEndpoint(ingress: Ingress, path: Path, report: Report): void {
  const endpoint = ingress.defaultEndpoint
  if (!endpoint) return
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(endpoint)
  const valid = endpoint.startsWith(UNIX_PREFIX)
    ? isUnixAddress(endpoint)
    : match && ENDPOINT_HOSTS.includes(match[1] ?? match[2]!) && isPort(Number(match[3]))
  if (!valid) report('PH1204', [...path, 'defaultEndpoint'], `"${endpoint}" is no default endpoint`)
}

function checkEgress(spec: Spec, context: CheckContext, report: Report): void {
  const numbers = new Set<number>()
  const sockets = new Set<string>()
  const listeners = spec.egress ?? []
  for (const [i, egress] of listeners.entries()) {
    if (!egress) continue
    const at = ['spec', 'egress', i]
    if (!egress.port) {
      if (i !== listeners.length - 1)
        report('PH1203', at, 'the egress listener without a port is not the last')
    } else {
      checkListenPort(egress.port, [...at, 'port'], numbers, report)
      checkBind(egress, at, sockets, report)
    }
    checkEgressHosts(egress, at, context, report)
  }
}

function checkBind(egress: Egress, path: Path, sockets: Set<string>, report: Report): void {
  const { bind = '', captureMode = 'DEFAULT' } = egress
  const misfit = (field: string, message: string, hint: string) =>
    report('PH1205', [...path, field], message, { params: { hint } })
  if (egress.port?.number) {
    if (bind && !isIP(bind)) report('PH1102', [...path, 'bind'], `"${bind}" is no IP address`)
    return
  }
  if (!isUnixAddress(bind))
    misfit(
      'port',
      'a listener without a port number needs a Unix socket',
      'Give port.number, or bind: unix:///path.',
    )
  if (captureMode === 'IPTABLES')
    misfit('captureMode', "traffic to a Unix socket can't be captured", 'Use captureMode NONE.')
  if (sockets.has(bind)) misfit('bind', `two listeners are bound to ${bind}`, 'Give each its own socket.')
  sockets.add(bind)
}

function checkEgressHosts(egress: Egress, path: Path, context: CheckContext, report: Report): void {
  const hosts = egress.hosts ?? []
  if (egress.hosts && !hosts.length)
    report('PH1005', [...path, 'hosts'], 'hosts is empty', { params: { field: 'a host, such as ./*' } })
  const seen = new Set<string>()
  for (const [i, host] of hosts.entries()) {
    if (host === undefined) continue
    const at = [...path, 'hosts', i]
    const [namespace, name, more] = host.split('/')
    if (
      name === undefined ||
      more !== undefined ||
      !isEgressNamespace(namespace!) ||
      !isWildcardDomain(name)
    ) {
      report('PH1202', at, `"${host}" is not of the form namespace/host`)
      continue
    }
    const key = `${namespace === '.' ? context.namespace : namespace}/${name}`
    if (seen.has(key)) report('PH1208', at, `"${host}" is there already`)
    seen.add(key)
  }
}

const isEgressNamespace = (text: string): boolean => ['*', '.', '~'].includes(text) || isNamespace(text)

const COUNTS = {
  http: [
    'http1MaxPendingRequests',
    'http2MaxRequests',
    'maxRequestsPerConnection',
    'maxRetries',
    'maxConcurrentStreams',
  ],
  tcp: ['maxConnections'],
} as const
const DURATIONS = {
  http: ['idleTimeout'],
  tcp: ['connectTimeout', 'idleTimeout', 'maxConnectionDuration'],
} as const

function checkPool(pool: Pool | undefined, path: Path, report: Report): void {
  if (!pool) return
  if (!pool.http && !pool.tcp)
    report('PH1207', path, 'the connection pool is empty', { params: { hint: 'Give it tcp or http.' } })
  for (const part of ['http', 'tcp'] as const) {
    const settings: Record<string, unknown> = pool[part] ?? {}
    for (const field of COUNTS[part])
      if (Number(settings[field] ?? 0) < 0)
        report('PH1207', [...path, part, field], `${field} is negative`, {
          params: { hint: 'Use 0 or more.' },
        })
    for (const field of DURATIONS[part]) {
      const text = settings[field]
      // Istio's smallest duration is a millisecond.
      if (typeof text === 'string' && (parseDuration(text) ?? 0) < 1)
        report('PH1207', [...path, part, field], `"${text}" is no duration of at least 1ms`, {
          params: { hint: 'Write it as 10s, 1m30s or 250ms.' },
        })
    }
  }
}

export const sidecar: KindDefinition = {
  kind: 'Sidecar',
  schema: schemaOf(Sidecar),
  spec: shape,
  check,
  // Nothing to resolve: an absent field of a Sidecar means "as the mesh has it".
  toSpec: (spec) => spec,
}
