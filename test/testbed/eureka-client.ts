/** A real Spring Boot application that registers itself with a Eureka server: `spring-cloud-starter-netflix-eureka-client`. */
import { binary } from './binaries.ts'
import { makeCertificates, type TestCertificates } from './certs.ts'
import type { EurekaServer, EurekaStatus } from './eureka.ts'
import { jsonApi } from './http.ts'
import { launchJava, type Properties } from './java.ts'
import { type ServerProcess, serverDirectory, withProcess } from './process.ts'

export interface EurekaClientOptions {
  readonly eureka: EurekaServer
  /** `spring.application.name` */
  readonly name: string
  readonly instanceId: string
  /** It speaks TLS, by a certificate of its own. */
  readonly tls?: boolean
  /** Any other, e.g. `{ 'eureka.instance.prefer-ip-address': true }`. Its port is any that is free. */
  readonly properties?: Properties
}

export interface EurekaClient extends ServerProcess {
  /** As it logs it. */
  readonly port: number
  /** Where it has `tls`. */
  readonly certificates: TestCertificates | undefined
  /** Its own status, as an application sets it that has warmed up. */
  status(value: EurekaStatus): Promise<void>
  /** What its health check gives; told where `eureka.client.healthcheck.enabled` is set. */
  health(value: 'UP' | 'DOWN' | 'OUT_OF_SERVICE'): Promise<void>
  /** Its actuator's `serviceregistry`: an override at the server. */
  override(value: EurekaStatus | 'CANCEL_OVERRIDE'): Promise<void>
}

/** Ready when it is registered, whatever its status. */
export async function startEurekaClient(options: EurekaClientOptions): Promise<EurekaClient> {
  const { eureka, name, instanceId, tls = false } = options
  const jar = await binary('eureka-client')
  const directory = serverDirectory(`eureka-client-${name.toLowerCase()}`)
  const certificates = tls ? await makeCertificates(`${directory}/certificates`) : undefined
  const path = `/apps/${encodeURIComponent(name.toUpperCase())}/${encodeURIComponent(instanceId)}`
  let port = 0
  const process = await launchJava(directory, {
    name: `eureka-client-${name}`,
    jar,
    properties: settings(options, certificates),
    async ready(log) {
      port = Number(/Tomcat started on port (\d+)/.exec(log())?.[1])
      return port > 0 && (await eureka.api('GET', path)).instance !== undefined
    },
  })
  const api = jsonApi('')
  const post = (to: string, body?: unknown): Promise<void> =>
    api('POST', `${tls ? 'https' : 'http'}://127.0.0.1:${port}${to}`, body)
  return withProcess(process, {
    get port() {
      return port
    },
    certificates,
    status: (value: EurekaStatus) => post(`/status?value=${value}`),
    health: (value: string) => post(`/health?value=${value}`),
    override: (status: string) => post('/actuator/serviceregistry', { status }),
  })
}

function settings(it: EurekaClientOptions, certificates: TestCertificates | undefined): Properties {
  return {
    'spring.application.name': it.name,
    'spring.main.banner-mode': 'off',
    'spring.main.lazy-initialization': true,
    'server.port': 0,
    'management.endpoints.web.exposure.include': 'serviceregistry',
    'eureka.client.service-url.defaultZone': it.eureka.url,
    'eureka.client.fetch-registry': false,
    'eureka.instance.instance-id': it.instanceId,
    'eureka.instance.lease-renewal-interval-in-seconds': 2,
    // A heartbeat that took too long makes no longer pause.
    'eureka.client.heartbeat-executor-exponential-back-off-bound': 1,
    // How often it looks whether there is something new to tell.
    'eureka.client.instance-info-replication-interval-seconds': 1,
    ...(certificates
      ? {
          'server.ssl.certificate': `file:${certificates.cert}`,
          'server.ssl.certificate-private-key': `file:${certificates.key}`,
        }
      : {}),
    ...it.properties,
  }
}
