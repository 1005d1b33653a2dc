/** What `pilothouse bootstrap` is told, checked and with defaults: strings as they stand on the command line. */
import { isIP } from 'node:net'
import type { Labels } from '#model/service.ts'
import type { SocketAddress } from './bootstrap-parts.ts'

export interface BootstrapOptions {
  /** A plain name (`orders-1`), or a node id in Istio's form, which then stands as it is. */
  readonly id: string
  /** Envoy's service cluster; the workload's name if absent. */
  readonly cluster?: string
  readonly namespace?: string
  /** The workload's own address; further ones by comma. Absent: the one in `id`, else 127.0.0.1, which suits a client only. */
  readonly ip?: string
  /** `HOST:PORT` of the Pilot's xDS, plaintext; of several Pilots as a list, or with commas. */
  readonly xds: string | readonly string[]
  /** State of the world instead of delta. */
  readonly xdsApi?: 'DELTA_GRPC' | 'GRPC'
  readonly mode?: 'transparent' | 'explicit'
  readonly labels?: Labels
  /** `region/zone/subzone`, the last two optional. */
  readonly locality?: string
  readonly network?: string
  readonly serviceAccount?: string
  readonly workload?: string
  /** WorkloadGroup, in the same namespace, of which the workload becomes one by itself while its sidecar is connected. */
  readonly autoRegisterGroup?: string
  /** Clusters and routes of services come when a request first needs them, not all at the start. */
  readonly onDemand?: boolean
  /** Requests of each cluster are reported to the Pilot (LRS), by locality. */
  readonly loadReporting?: boolean
  /** Explicit mode: `IP:PORT` of the outbound proxy, 127.0.0.1:15002 if absent. */
  readonly outbound?: string
  /** 15000 if absent; 0 = any free port, and then no health and no Prometheus port. */
  readonly adminPort?: number
  /** 15021 if absent; 0 = none. */
  readonly statusPort?: number
  /** 15090 if absent; 0 = none. */
  readonly prometheusPort?: number
  /** Connections to all listeners together, 50000 if absent. */
  readonly maxConnections?: number
}

/** An option that makes no sense; `remedy` says what to write instead. */
export class BootstrapError extends Error {
  readonly code = 'bootstrap-option'
  readonly remedy: string
  constructor(message: string, remedy: string) {
    super(message)
    this.name = 'BootstrapError'
    this.remedy = remedy
  }
}

/** Options with every default filled in. */
export interface Resolved {
  readonly id: string
  readonly cluster: string
  readonly ip: string
  readonly mode: 'transparent' | 'explicit'
  readonly locality?: { readonly region: string; readonly zone?: string; readonly sub_zone?: string }
  /** Istio's node metadata keys. */
  readonly metadata: Readonly<Record<string, string | Labels>>
  /** One or more. */
  readonly xds: readonly SocketAddress[]
  readonly xdsApi: 'DELTA_GRPC' | 'GRPC'
  readonly loadReporting: boolean
  readonly admin: SocketAddress
  readonly statusPort: number
  readonly prometheusPort: number
  readonly maxConnections: number
}

export function resolveOptions(options: BootstrapOptions): Resolved {
  const { mode = 'transparent', xdsApi = 'DELTA_GRPC' } = options
  const identity = resolveIdentity(options)
  const adminPort = port('--admin-port', options.adminPort ?? 15000, true)
  const exposedPort = (name: string, wanted: number | undefined, usual: number) => {
    if (adminPort === 0 && wanted)
      throw new BootstrapError(
        `${name} ${wanted} needs --admin-port, not --admin-port 0`,
        'Give the admin a port of its own.',
      )
    return adminPort === 0 ? 0 : port(name, wanted ?? usual, true)
  }
  return {
    id: identity.id,
    cluster: options.cluster || identity.workload,
    ip: identity.ips[0]!,
    mode,
    ...resolveLocality(options.locality),
    metadata: metadata(options, identity, mode),
    xds: pilots(options.xds),
    xdsApi,
    loadReporting: options.loadReporting ?? false,
    admin: { address: '127.0.0.1', port: adminPort },
    statusPort: exposedPort('--status-port', options.statusPort, 15021),
    prometheusPort: exposedPort('--prometheus-port', options.prometheusPort, 15090),
    maxConnections: options.maxConnections ?? 50_000,
  }
}

interface Identity {
  readonly id: string
  readonly ips: readonly string[]
  readonly namespace: string
  readonly workload: string
}

/** `sidecar~IP~NAME.NAMESPACE~NAMESPACE.svc.cluster.local`, from the parts or taken apart. */
function resolveIdentity({ id, ip, namespace, workload }: BootstrapOptions): Identity {
  const ready = /^(?:sidecar|router)~([^~]*)~([^~]*?)(?:\.([^~.]*))?~([^~]*)$/.exec(id)
  if (!ready && (id === '' || /[~\s]/.test(id)))
    throw new BootstrapError(
      `--id "${id}" is neither a name nor a node id`,
      'Give a name such as orders-1, or the form sidecar~IP~NAME.NAMESPACE~NAMESPACE.svc.DOMAIN.',
    )
  const ips = (ip || ready?.[1] || '127.0.0.1').split(',').map((each) => each.trim())
  for (const each of ips)
    if (!isIP(each))
      throw new BootstrapError(
        `--ip "${each}" is not an IP address`,
        "Give the workload's own address, such as --ip 10.0.0.7.",
      )
  const space = namespace || ready?.[4]?.split('.')[0] || ready?.[3] || 'default'
  const name = ready?.[2] || id
  return {
    id: ready ? id : `sidecar~${ips[0]}~${id}.${space}~${space}.svc.cluster.local`,
    ips,
    namespace: space,
    workload: workload || name,
  }
}

function metadata(
  options: BootstrapOptions,
  identity: Identity,
  mode: Resolved['mode'],
): Resolved['metadata'] {
  const { labels = {}, network, serviceAccount, outbound, autoRegisterGroup, onDemand } = options
  if (onDemand && options.xdsApi === 'GRPC')
    throw new BootstrapError(
      '--on-demand has no meaning with --xds-api GRPC: names can be added by delta only',
      'Leave --xds-api out, or --on-demand.',
    )
  if (outbound && mode !== 'explicit')
    throw new BootstrapError(
      '--outbound has no meaning in transparent mode',
      'Add --mode explicit, or leave --outbound out.',
    )
  if (autoRegisterGroup && !options.ip && !options.id.includes('~'))
    throw new BootstrapError(
      `--auto-register-group ${autoRegisterGroup} without --ip: others could not reach the workload`,
      "Give the workload's own address, such as --ip 10.0.0.7.",
    )
  const proxy = outbound ? socket('--outbound', outbound, true) : undefined
  return {
    NAMESPACE: identity.namespace,
    WORKLOAD_NAME: identity.workload,
    INSTANCE_IPS: identity.ips.join(','),
    INTERCEPTION_MODE: mode === 'explicit' ? 'NONE' : 'REDIRECT',
    LABELS: labels,
    ...(serviceAccount && { SERVICE_ACCOUNT: serviceAccount }),
    ...(network && { NETWORK: network }),
    ...(onDemand && { PILOTHOUSE_ON_DEMAND: 'true' }),
    ...(autoRegisterGroup && { AUTO_REGISTER_GROUP: autoRegisterGroup }),
    ...(proxy && { HTTP_PROXY_PORT: `${proxy.port}`, PILOTHOUSE_OUTBOUND: outbound! }),
  }
}

function resolveLocality(locality: string | undefined): Pick<Resolved, 'locality'> {
  if (!locality) return {}
  const [region = '', zone, sub_zone, ...more] = locality.split('/')
  if (region === '' || more.length > 0)
    throw new BootstrapError(
      `--locality "${locality}" is not region/zone/subzone`,
      'Write it as eu-west-1/eu-west-1a/rack7.',
    )
  return { locality: { region, ...(zone && { zone }), ...(sub_zone && { sub_zone }) } }
}

/** Each Pilot once: a repetition would only give it more of the proxies. */
function pilots(xds: string | readonly string[]): readonly SocketAddress[] {
  const all = [xds].flat().flatMap((each) => each.split(',').map((one) => one.trim()))
  return [...new Set(all)].map((one) => socket('--xds', one, false))
}

/** `HOST:PORT`, an IPv6 host in brackets. */
function socket(option: string, text: string, onlyIp: boolean): SocketAddress {
  const [, six, other, digits] = /^(?:\[([^\]]+)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(text) ?? []
  const address = six ?? other ?? ''
  if (address === '' || ((six || onlyIp) && !isIP(address)))
    throw new BootstrapError(
      `${option} "${text}" is not ${onlyIp ? 'IP' : 'HOST'}:PORT`,
      `Write it as ${onlyIp ? '127.0.0.1:15002' : 'pilot.example.com:15010'}.`,
    )
  return { address, port: port(option, Number(digits), false) }
}

function port(option: string, number: number, zero: boolean): number {
  if (Number.isInteger(number) && number >= (zero ? 0 : 1) && number <= 65535) return number
  throw new BootstrapError(
    `${option}: ${number} is not a port${!zero && number === 0 ? ' here' : ''}`,
    `Give a number from ${zero ? '0 (none) ' : '1 '}to 65535.`,
  )
}
