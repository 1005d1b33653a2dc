/** Real registries to test against, and a proxy that makes them fail. */
export { binary, binaryNames } from './binaries.ts'
export { TestbedError } from './cache.ts'
export type { TestCertificates } from './certs.ts'
export { type ConsulOptions, type ConsulServer, startConsul } from './consul.ts'
export { type DnsOptions, type DnsRecord, type DnsServer, startDns } from './dns.ts'
export {
  type EurekaInstance,
  type EurekaOptions,
  type EurekaServer,
  type EurekaStatus,
  startEureka,
} from './eureka.ts'
export { type EurekaClient, type EurekaClientOptions, startEurekaClient } from './eureka-client.ts'
export {
  type FaultMode,
  type FaultProxy,
  type FaultProxyOptions,
  type LoggedRequest,
  type ProxiedAnswer,
  type ProxiedRequest,
  startFaultProxy,
} from './fault-proxy.ts'
export { type Answer, type Api, call, jsonApi, StatusError } from './http.ts'
export { type KubernetesOptions, type KubernetesServer, startKubernetes } from './kubernetes.ts'
export type { RbacRule } from './kubernetes-accounts.ts'
export type { KubernetesObject } from './kubernetes-apply.ts'
export { type NomadJob, type NomadOptions, type NomadServer, startNomad } from './nomad.ts'
export { enterOwnNetwork, ownAddress } from './own-network.ts'
export type { ServerProcess } from './process.ts'
