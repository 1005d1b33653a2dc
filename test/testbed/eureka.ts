/** A real Eureka server (Spring Cloud Netflix) in a small JVM. It keeps nothing on disk: every restart is empty. */
import { freePort } from '../support/ports.ts'
import { binary } from './binaries.ts'
import { type Api, jsonApi, StatusError } from './http.ts'
import { launchJava, type Properties } from './java.ts'
import { type ServerProcess, serverDirectory, withProcess } from './process.ts'

export interface EurekaOptions {
  /** `http://HOST:PORT/eureka` of servers it copies to and reads from at its start. */
  readonly peers?: readonly string[]
  /** The port, where a peer must know it before. */
  readonly port?: number
  /** Basic authentication. */
  readonly user?: string
  readonly password?: string
  /** Eureka's own default is true; default here: false, so that what is not renewed goes. */
  readonly selfPreservation?: boolean
  /** How long its read-only cache is behind, ms. Eureka's default is 30,000; here 100. */
  readonly responseCacheUpdateIntervalMs?: number
  /** How often it looks for leases that ran out, ms. Eureka's default is 60,000; here 500. */
  readonly evictionIntervalTimerInMs?: number
  /** Any other property of `eureka.server.*` or Spring, e.g. `{ 'eureka.server.retention-time-in-m-s-in-delta-queue': 2000 }`. */
  readonly properties?: Properties
}

/** What Eureka wants to know of an instance; the rest is filled in. `more` is merged over it. */
export interface EurekaInstance {
  readonly app: string
  /** Default `ADDRESS:app:PORT` */
  readonly instanceId?: string
  readonly address: string
  readonly port?: number
  readonly securePort?: number
  /** Default UP. */
  readonly status?: EurekaStatus
  readonly metadata?: Readonly<Record<string, string>>
  /** Seconds between heartbeats and until the lease ends; defaults 30 and 90. */
  readonly renewalInterval?: number
  readonly leaseDuration?: number
  readonly more?: Readonly<Record<string, unknown>>
}

export type EurekaStatus = 'UP' | 'DOWN' | 'STARTING' | 'OUT_OF_SERVICE' | 'UNKNOWN'

export interface EurekaServer extends ServerProcess {
  /** `http://127.0.0.1:PORT/eureka` */
  readonly url: string
  readonly port: number
  /** JSON; paths begin at `url`, e.g. `/apps/delta`. */
  readonly api: Api
  /** Gives the instance's id. */
  register(instance: EurekaInstance): Promise<string>
  /** false: the server does not know it (404). */
  heartbeat(app: string, instanceId: string): Promise<boolean>
  cancel(app: string, instanceId: string): Promise<void>
  /** Undefined removes the override. */
  override(app: string, instanceId: string, status: EurekaStatus | undefined): Promise<void>
}

export async function startEureka(options: EurekaOptions = {}): Promise<EurekaServer> {
  const jar = await binary('eureka')
  const directory = serverDirectory('eureka')
  const port = options.port ?? (await freePort())
  const url = `http://127.0.0.1:${port}/eureka`
  const { user, password = '' } = options
  const authorization = user && `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const headers: Record<string, string> = authorization ? { authorization } : {}
  const api = jsonApi(url, () => ({ headers }))
  const process = await launchJava(directory, {
    name: `eureka-${port}`,
    jar,
    properties: settings(options, port),
    ready: async () => (await api('GET', '/apps')).applications !== undefined,
  })
  const own = { url, port, api, ...operations(api) }
  return withProcess(process, own)
}

function settings(options: EurekaOptions, port: number): Properties {
  const { peers = [], user, password = '' } = options
  return {
    'server.port': port,
    'server.address': '127.0.0.1',
    'spring.main.banner-mode': 'off',
    'eureka.instance.hostname': '127.0.0.1',
    'eureka.instance.prefer-ip-address': true,
    'eureka.instance.ip-address': '127.0.0.1',
    'eureka.client.register-with-eureka': false,
    'eureka.client.fetch-registry': peers.length > 0,
    'eureka.client.service-url.defaultZone': peers.join(',') || `http://127.0.0.1:${port}/eureka`,
    'eureka.server.enable-self-preservation': options.selfPreservation ?? false,
    'eureka.server.response-cache-update-interval-ms': options.responseCacheUpdateIntervalMs ?? 100,
    // A registration that comes while the cache reads is not in it, and stays so until this is over (180 s by default).
    'eureka.server.response-cache-auto-expiration-in-seconds': 1,
    'eureka.server.eviction-interval-timer-in-ms': options.evictionIntervalTimerInMs ?? 500,
    'eureka.server.wait-time-in-ms-when-sync-empty': 0,
    // Else a peer of the same host is taken for itself; and Spring leaves out the first reading where it does not register.
    'eureka.server.my-url': `http://127.0.0.1:${port}/eureka/`,
    ...(peers.length > 0
      ? { 'eureka.server.registry-sync-retries': 5, 'eureka.server.registry-sync-retry-wait-ms': 500 }
      : {}),
    ...(user ? { 'testbed.credentials': `${user}:${password}` } : {}),
    ...options.properties,
  }
}

function operations(api: Api) {
  const path = (app: string, id: string) => `/apps/${encodeURIComponent(app)}/${encodeURIComponent(id)}`
  return {
    async register(it: EurekaInstance): Promise<string> {
      const body = registration(it)
      await api('POST', `/apps/${encodeURIComponent(it.app)}`, { instance: body })
      return body.instanceId
    },
    async heartbeat(app: string, id: string): Promise<boolean> {
      try {
        await api('PUT', path(app, id))
        return true
      } catch (error) {
        if (error instanceof StatusError && error.status === 404) return false
        throw error
      }
    },
    async cancel(app: string, id: string): Promise<void> {
      await api('DELETE', path(app, id))
    },
    async override(app: string, id: string, status: EurekaStatus | undefined): Promise<void> {
      if (status) await api('PUT', `${path(app, id)}/status?value=${status}`)
      else await api('DELETE', `${path(app, id)}/status`)
    },
  }
}

function registration(it: EurekaInstance) {
  const { app, address, port, securePort, status = 'UP', metadata = {} } = it
  const instanceId = it.instanceId ?? `${address}:${app.toLowerCase()}:${port ?? securePort}`
  return {
    instanceId,
    app: app.toUpperCase(),
    hostName: address,
    ipAddr: address,
    vipAddress: app.toLowerCase(),
    secureVipAddress: app.toLowerCase(),
    status,
    port: { $: port ?? 7001, '@enabled': String(port !== undefined) },
    securePort: { $: securePort ?? 7002, '@enabled': String(securePort !== undefined) },
    countryId: 1,
    dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
    leaseInfo: { renewalIntervalInSecs: it.renewalInterval ?? 30, durationInSecs: it.leaseDuration ?? 90 },
    metadata: { '@class': 'java.util.Collections$EmptyMap', ...metadata },
    ...it.more,
  }
}
