/** The parts of eureka-js-client 4.5.0 (JavaScript without types) that client.ts builds on. */
declare module 'eureka-js-client' {
  import { EventEmitter } from 'node:events'

  /** Of request's options. */
  export interface RequestOptions {
    uri: string
    baseUrl?: string
    headers?: Record<string, string>
    [option: string]: unknown
  }
  export interface Response {
    readonly statusCode: number
    readonly headers: Readonly<Record<string, string | string[] | undefined>>
  }
  export interface ClusterResolver {
    resolveEurekaUrl(callback: (error: unknown, url?: string) => void, attempt?: number): void
  }
  export class Eureka extends EventEmitter {
    constructor(config: object)
    clusterResolver: ClusterResolver
    start(callback?: (error?: unknown) => void): void
    stop(callback?: (error?: unknown) => void): void
    startRegistryFetches(): void
    fetchRegistry(callback?: (error?: unknown) => void): void
    eurekaRequest(
      options: RequestOptions,
      callback: (error: unknown, response: Response | undefined, body: unknown) => void,
    ): void
  }
}
