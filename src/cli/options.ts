/** What each command is told: the command line parsed, strings as they stand there unless said otherwise. */

/** How a viewer or `check` answers: the program prints `text` and ends with `exitCode`. */
export interface CommandResult {
  readonly exitCode: number
  readonly text: string
}

export interface ServeOptions {
  /** The settings file. */
  readonly config?: string
  /** Directories of Istio YAML, both services and configuration. */
  readonly files?: readonly string[]
  /** By kind of registry: the values of its flag; for `kubernetes` kubeconfig files, '' where none is named. */
  readonly registries?: Readonly<Record<string, readonly string[] | undefined>>
  readonly xdsAddress?: string
  readonly adminAddress?: string
  readonly stateDir?: string
  readonly logLevel?: string
  readonly logFormat?: 'json' | 'pretty'
}

export interface CheckOptions {
  readonly output: 'json' | 'text'
}

/** A node, as `bootstrap` writes it and `translate` takes it. */
export interface NodeOptions {
  readonly id?: string
  readonly cluster?: string
  readonly namespace?: string
  readonly ip?: string
  readonly mode?: 'transparent' | 'explicit'
  readonly labels: Readonly<Record<string, string>>
  /** `region/zone/subzone` */
  readonly locality?: string
  readonly network?: string
  readonly serviceAccount?: string
  readonly workload?: string
  /** `HOST:PORT` of the explicit outbound proxy. */
  readonly outbound?: string
}

export interface BootstrapCommandOptions extends NodeOptions {
  readonly id: string
  /** `HOST:PORT`; of several Pilots each. */
  readonly xds: readonly string[]
  readonly xdsApi?: 'DELTA_GRPC' | 'GRPC'
  /** WorkloadGroup of which the workload becomes one by itself. */
  readonly autoRegisterGroup?: string
  readonly onDemand?: boolean
  readonly loadReporting?: boolean
  readonly adminPort?: number
  readonly statusPort?: number
  readonly prometheusPort?: number
  readonly output: 'json' | 'yaml'
}

export interface TranslateOptions extends NodeOptions {
  readonly files: readonly string[]
  /** A file with an Envoy node, or a bootstrap with one, in YAML or JSON; instead of --id and its like. */
  readonly node?: string
  readonly output: 'yaml' | 'json'
}

export interface DemoCommandOptions {
  readonly once: boolean
}

/** Of the viewers. */
export interface ViewOptions {
  readonly output: 'table' | 'json'
  /** In tables: what is wrong in red. */
  readonly colors?: boolean
}
