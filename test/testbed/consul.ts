/** A real Consul agent: by default one server that is a cluster of its own. */
import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../support/ports.ts'
import { binary } from './binaries.ts'
import { clientTls, makeCertificates, type TestCertificates } from './certs.ts'
import { type Api, type CallOptions, jsonApi } from './http.ts'
import { launch, type ServerProcess, serverDirectory, withProcess } from './process.ts'

export interface ConsulOptions {
  /** Default deny; `.token` is the management token (the same after a restart, with or without data). */
  readonly acl?: boolean
  /** HTTPS only, with a certificate of `.certificates.ca`; `mutual`: wants the client's certificate as well. */
  readonly tls?: boolean | 'mutual'
  /** Default dc1. */
  readonly datacenter?: string
  /** The API on a Unix socket as well (`.socketPath`). */
  readonly unixSocket?: boolean
  /** A server of the same datacenter (joined by LAN) or of another (joined by WAN). */
  readonly join?: ConsulServer
  /** false: a client agent; wants `join`. Default true. */
  readonly server?: boolean
  /** Address of the cluster protocols, default 127.0.0.1; the API is always on 127.0.0.1. */
  readonly bind?: string
  readonly nodeName?: string
  /** Merged over the agent's configuration (https://developer.hashicorp.com/consul/docs/reference/agent/configuration-file). */
  readonly config?: Readonly<Record<string, unknown>>
}

export interface ConsulServer extends ServerProcess {
  /** `http://127.0.0.1:PORT` or `https://…` */
  readonly url: string
  readonly port: number
  /** UDP and TCP. */
  readonly dnsPort: number
  readonly serfLan: string
  readonly serfWan: string
  readonly nodeName: string
  readonly datacenter: string
  readonly token?: string
  readonly certificates?: TestCertificates
  readonly socketPath?: string
  /** JSON; with the management token unless the headers have one. */
  readonly api: Api
}

export async function startConsul(options: ConsulOptions = {}): Promise<ConsulServer> {
  const { datacenter = 'dc1', bind = '127.0.0.1', join: other } = options
  const path = await binary('consul')
  const directory = serverDirectory('consul')
  const [http, dns, rpc, lan, wan] = await ports(5, bind)
  const nodeName = options.nodeName ?? `consul-${datacenter}-${http}`
  const token = options.acl ? (other?.token ?? randomUUID()) : undefined
  const certificates = options.tls ? await makeCertificates(join(directory, 'tls')) : undefined
  const socketPath = options.unixSocket ? join(directory, 'http.sock') : undefined
  const config = {
    ...role(options),
    datacenter,
    node_name: nodeName,
    data_dir: join(directory, 'data'),
    bind_addr: bind,
    client_addr: '127.0.0.1',
    ports: {
      ...(certificates ? { http: -1, https: http } : { http }),
      ...closedPorts(dns!, rpc!, lan!, wan!),
    },
    ...(socketPath ? { addresses: { http: `127.0.0.1 unix://${socketPath}` } } : {}),
    ...(certificates ? { tls: { https: tlsConfig(certificates, options.tls === 'mutual') } } : {}),
    ...(token ? { acl: aclConfig(token) } : {}),
    disable_update_check: true,
    performance: { raft_multiplier: 1 },
    skip_leave_on_interrupt: true,
    ...options.config,
  }
  await mkdir(directory, { recursive: true })
  const file = join(directory, 'consul.json')
  await writeFile(file, JSON.stringify(config), { mode: 0o600 })
  const url = `${certificates ? 'https' : 'http'}://127.0.0.1:${http}`
  const tls = certificates ? await clientTls(certificates) : {}
  const defaults = (): CallOptions => ({ ...tls, headers: token ? { 'x-consul-token': token } : {} })
  const api = jsonApi(url, defaults)
  const process = await launch(directory, {
    name: nodeName,
    command: () => [path, 'agent', '-config-file', file],
    // A leader, and this node with its health in the catalogue: what the first reader sees is whole.
    ready: async () => {
      if (!(await api('GET', '/v1/status/leader'))) return false
      const checks: { CheckID: string; Status: string }[] = await api('GET', `/v1/health/node/${nodeName}`)
      return checks.some((check) => check.CheckID === 'serfHealth' && check.Status === 'passing')
    },
  })
  const serf = { serfLan: `${bind}:${lan}`, serfWan: `${bind}:${wan}` }
  const own = {
    url,
    port: http!,
    dnsPort: dns!,
    ...serf,
    nodeName,
    datacenter,
    token,
    certificates,
    socketPath,
    api,
  }
  return withProcess(process, own)
}

function role({ join: other, server = true, datacenter = 'dc1' }: ConsulOptions): object {
  if (!server) {
    if (!other) throw new TypeError('a Consul client agent wants `join`')
    return { server: false, retry_join: [other.serfLan], retry_interval: '1s' }
  }
  if (!other) return { server: true, bootstrap_expect: 1 }
  if (other.datacenter === datacenter)
    return { server: true, retry_join: [other.serfLan], retry_interval: '1s' }
  return { server: true, bootstrap_expect: 1, retry_join_wan: [other.serfWan], retry_interval_wan: '1s' }
}

const closedPorts = (dns: number, server: number, serf_lan: number, serf_wan: number) => ({
  dns,
  grpc: -1,
  grpc_tls: -1,
  server,
  serf_lan,
  serf_wan,
})

const tlsConfig = (certificates: TestCertificates, mutual: boolean) => ({
  ca_file: certificates.ca,
  cert_file: certificates.cert,
  key_file: certificates.key,
  verify_incoming: mutual,
})

const aclConfig = (token: string) => ({
  enabled: true,
  default_policy: 'deny',
  enable_token_persistence: false,
  tokens: { initial_management: token, agent: token },
})

/** Ports free now, all different. */
export async function ports(count: number, address = '127.0.0.1'): Promise<number[]> {
  const found = new Set<number>()
  while (found.size < count) found.add(await freePort(address))
  return [...found]
}
