/** A real Nomad agent, server and client in one, that runs raw_exec tasks: as root. */
import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { until } from '../support/cleanup.ts'
import { binary } from './binaries.ts'
import { TestbedError } from './cache.ts'
import { clientTls, makeCertificates, type TestCertificates } from './certs.ts'
import { type ConsulServer, ports } from './consul.ts'
import { type Api, jsonApi } from './http.ts'
import { removeRests } from './nomad-rests.ts'
import { inOwnNetwork } from './own-network.ts'
import { abandonedDirectories, launch, type ServerProcess, serverDirectory, withProcess } from './process.ts'

export interface NomadOptions {
  /** Bootstraps ACLs; `.token` is the management token (the same after a restart, with or without data). */
  readonly acl?: boolean
  /** For jobs with `provider = "consul"`. */
  readonly consul?: ConsulServer
  /** HTTPS, with a certificate of `.certificates.ca`; the client's certificate is wanted where it is `mutual`. */
  readonly tls?: boolean | 'mutual'
  /** Default global. */
  readonly region?: string
  /** Default dc1. */
  readonly datacenter?: string
  /** Bridge networking, in a network of its own only (`enterOwnNetwork`); allocations have IPv6 addresses, too. */
  readonly bridge?: boolean
  /** Merged over the agent's configuration (https://developer.hashicorp.com/nomad/docs/configuration), in JSON. */
  readonly config?: Readonly<Record<string, unknown>>
}

export interface NomadServer extends ServerProcess {
  /** `http://127.0.0.1:PORT` or `https://…` */
  readonly url: string
  readonly port: number
  readonly region: string
  readonly datacenter: string
  readonly token?: string
  readonly certificates?: TestCertificates
  /** JSON; with the management token unless the headers have one. */
  readonly api: Api
  /** A job as HCL text or as the JSON API's `Job`; resolves with its id when as many allocations run as it wants. */
  runJob(job: string | NomadJob): Promise<string>
  /** Stops it, forgets it and waits until nothing of it runs. */
  stopJob(id: string): Promise<void>
}

// biome-ignore lint/suspicious/noExplicitAny: the JSON API's Job
export type NomadJob = any

export async function startNomad(options: NomadOptions = {}): Promise<NomadServer> {
  if (process.getuid?.() !== 0) {
    throw new TestbedError('a Nomad client wants to be root', 'Run these tests as root, e.g. by sudo.')
  }
  if (options.bridge && !inOwnNetwork())
    throw new Error('Bridge networking changes the network that it is in: enterOwnNetwork() first.')
  const path = await binary('nomad')
  const [plugin, iptables] = options.bridge ? [await binary('cni'), await binary('iptables')] : []
  for (const left of abandonedDirectories().filter((each) => each.includes('-nomad-'))) {
    await removeRests(left)
    await rm(left, { recursive: true, force: true })
  }
  const directory = serverDirectory('nomad')
  const [http, rpc, serf] = (await ports(3)) as [number, number, number]
  const { region = 'global', datacenter = 'dc1' } = options
  const certificates = options.tls
    ? await makeCertificates(join(directory, 'tls'), [`server.${region}.nomad`, `client.${region}.nomad`])
    : undefined
  const file = join(directory, 'nomad.json')
  const config = {
    ...configuration(options, directory, { http, rpc, serf }, certificates, plugin && dirname(plugin)),
    ...options.config,
  }
  await writeFile(file, JSON.stringify(config), { mode: 0o600 })
  const url = `${certificates ? 'https' : 'http'}://127.0.0.1:${http}`
  const token = options.acl ? randomUUID() : undefined
  const tls = certificates ? await clientTls(certificates) : {}
  const headers: Record<string, string> = token ? { 'x-nomad-token': token } : {}
  const api = jsonApi(url, () => ({ ...tls, headers }))
  const server = await launch(directory, {
    name: `nomad-${http}`,
    command: () => [path, 'agent', `-config=${file}`],
    ...(iptables ? { env: { PATH: `${dirname(iptables)}${delimiter}${process.env.PATH}` } } : {}),
    ready: async (log) => {
      if (!(await api('GET', '/v1/status/leader'))) return false
      const nodes: { Status: string }[] = await api('GET', '/v1/nodes').catch(async (error) => {
        if (token) await api('POST', '/v1/acl/bootstrap', { BootstrapSecret: token })
        throw error
      })
      if (nodes.some((node) => node.Status === 'ready')) return true
      // A new server makes its keyring while its own client registers. A client that came first tries again only after
      // 15 to 30 s, whatever it is told; a restart takes two.
      const early = log().includes('keyring has not been initialized yet')
      return early && (await api('GET', '/v1/operator/keyring/keys')).length > 0 ? 'restart' : false
    },
    beforeDataGoes: () => stopAll(api),
    cleanUp: () => removeRests(directory),
  })
  return withProcess(server, {
    ...{ url, port: http, region, datacenter, token, certificates, api },
    runJob: (job: string | NomadJob) => runJob(api, job),
    stopJob: (id: string) => stopJob(api, id),
  })
}

function configuration(
  options: NomadOptions,
  directory: string,
  all: { http: number; rpc: number; serf: number },
  certificates: TestCertificates | undefined,
  plugins: string | undefined,
): object {
  const { region = 'global', datacenter = 'dc1', acl = false, consul, tls } = options
  const loopback = '127.0.0.1'
  return {
    region,
    datacenter,
    name: `nomad-${all.http}`,
    data_dir: join(directory, 'data'),
    bind_addr: loopback,
    advertise: { http: loopback, rpc: loopback, serf: loopback },
    ports: all,
    disable_update_check: true,
    server: { enabled: true, bootstrap_expect: 1 },
    client: {
      enabled: true,
      network_interface: 'lo',
      ...(plugins ? bridgeConfig(plugins) : {}),
      min_dynamic_port: 30_000,
      max_dynamic_port: 32_000,
      // Leave the clouds alone, and Consul where none was given: it would find another test's.
      options: {
        'fingerprint.denylist': `env_aws,env_gce,env_azure,env_digitalocean,vault${consul ? '' : ',consul'}`,
      },
    },
    plugin: { raw_exec: { config: { enabled: true } } },
    acl: { enabled: acl },
    ...(consul ? { consul: consulConfig(consul) } : {}),
    ...(certificates ? { tls: tlsConfig(certificates, tls === 'mutual') } : {}),
  }
}

const bridgeConfig = (plugins: string) => ({
  network_interface: 'eth0',
  cni_path: plugins,
  bridge_network_subnet: '172.26.64.0/20',
  bridge_network_subnet_ipv6: 'fd00:a110:c8::/112',
})

const consulConfig = (consul: ConsulServer) => ({
  address: `127.0.0.1:${consul.port}`,
  ...(consul.token ? { token: consul.token } : {}),
  ...(consul.certificates
    ? {
        ssl: true,
        ca_file: consul.certificates.ca,
        cert_file: consul.certificates.clientCert,
        key_file: consul.certificates.clientKey,
      }
    : {}),
})

const tlsConfig = (certificates: TestCertificates, mutual: boolean) => ({
  http: true,
  rpc: false,
  ca_file: certificates.ca,
  cert_file: certificates.cert,
  key_file: certificates.key,
  verify_https_client: mutual,
})

async function runJob(api: Api, job: string | NomadJob): Promise<string> {
  const parsed =
    typeof job === 'string' ? await api('POST', '/v1/jobs/parse', { JobHCL: job, Canonicalize: true }) : job
  const { ID: id, Namespace: namespace = 'default' } = parsed
  const space = `namespace=${namespace}`
  const { JobModifyIndex: index } = await api('POST', `/v1/jobs?${space}`, { Job: parsed })
  const wanted = parsed.TaskGroups.reduce(
    (sum: number, group: { Count?: number }) => sum + (group.Count ?? 1),
    0,
  )
  await until(
    `job ${id} runs ${wanted} allocations`,
    async () => {
      const all: Allocation[] = await api('GET', `/v1/job/${encodeURIComponent(id)}/allocations?${space}`)
      const states = all.map((each) => `${each.ClientStatus} ${taskEvents(each)}`)
      if (all.filter((each) => each.ClientStatus === 'running' && each.JobVersion >= 0).length < wanted)
        throw new Error(states.join('; ') || 'no allocation')
      return index >= 0
    },
    60_000,
  )
  return id
}

interface Allocation {
  readonly ClientStatus: string
  readonly JobVersion: number
  readonly TaskStates?: Record<string, { Events: { DisplayMessage: string }[] }> | null
}

const taskEvents = (allocation: Allocation) =>
  Object.values(allocation.TaskStates ?? {})
    .flatMap((state) => state.Events.map((event) => event.DisplayMessage))
    .join(', ')

async function stopJob(api: Api, id: string, namespace = 'default'): Promise<void> {
  const path = `/v1/job/${encodeURIComponent(id)}`
  await api('DELETE', `${path}?purge=false&namespace=${namespace}`)
  await until(
    `nothing of job ${id} runs`,
    async () => {
      const all: Allocation[] = await api('GET', `${path}/allocations?namespace=${namespace}`)
      return all.every((each) => !['running', 'pending'].includes(each.ClientStatus))
    },
    20_000,
  )
  await api('DELETE', `${path}?purge=true&namespace=${namespace}`)
}

async function stopAll(api: Api): Promise<void> {
  const jobs: { ID: string; Namespace: string; Status: string }[] = await api('GET', '/v1/jobs?namespace=*')
  await Promise.all(
    jobs.filter((job) => job.Status !== 'dead').map((job) => stopJob(api, job.ID, job.Namespace)),
  )
}
