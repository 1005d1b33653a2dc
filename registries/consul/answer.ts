/** What is asked of Consul's HTTP API and what it answers, whoever carries it. */
import type { PilotError } from '#model/issue.ts'

export interface ConsulRequest {
  /** Below `/v1`, e.g. `/catalog/services`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  /** ms until it counts as lost. */
  readonly timeout: number
  readonly signal: AbortSignal
}

/** https://developer.hashicorp.com/consul/api-docs/features/blocking and …/consistency */
export interface ConsulAnswer {
  /** 200 or 404: all other is a ConsulFailure. */
  readonly status: number
  readonly text: string
  /** X-Consul-Index; undefined if it is missing or no number. */
  readonly index?: number
  /** X-Consul-KnownLeader; true where it is not said. */
  readonly knownLeader: boolean
  /** X-Consul-Results-Filtered-By-ACLs */
  readonly filtered: boolean
  /** X-Consul-LastContact: ms since the server that answered heard from its leader. */
  readonly lastContact: number
}

/** Rejects with ConsulFailure, or with anything when the signal is aborted. */
export interface ConsulClient {
  get(request: ConsulRequest): Promise<ConsulAnswer>
  /** Frees all sockets. */
  close(): void
}

/** No answer that can be used, as a PilotError. */
export class ConsulFailure extends Error {
  readonly error: PilotError
  readonly status: number | undefined
  constructor(error: PilotError, status?: number) {
    super(error.message)
    this.name = 'ConsulFailure'
    this.error = error
    this.status = status
  }
}
