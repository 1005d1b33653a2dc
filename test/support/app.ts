/** What all sample applications have in common. */

/** Plain data, so that an application can also be started in another process or network namespace. */
export interface AppSpec {
  /** `http` also answers WebSocket; `http2` is h2c; `greeter` is TCP where the server speaks first. */
  readonly kind: 'http' | 'http2' | 'grpc' | 'tcp' | 'greeter' | 'tls'
  readonly name: string
  readonly version?: string
  /** Default 127.0.0.1. */
  readonly address?: string
  /** Default: a free one. */
  readonly port?: number
}

export interface App {
  readonly name: string
  readonly address: string
  readonly port: number
  /** Requests (HTTP, gRPC) or connections (TCP, TLS) so far. */
  count(): number
  /** Closes the socket and all connections. */
  stop(): Promise<void>
}
