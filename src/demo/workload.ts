/** One workload of the demo at work: its application, and its sidecar, a real Envoy. */
import { type EnvoyProcess, startEnvoy } from './envoy-process.ts'
import { type DemoWorkload, hostOf } from './plan.ts'
import { type SampleApp, startSampleApp } from './services.ts'

export interface RunningWorkload {
  readonly plan: DemoWorkload
  readonly sidecar: EnvoyProcess
  /** Requests that its sidecar has passed in (to the application) and out (to other services) so far. */
  requests(): Promise<{ inbound: number; outbound: number }>
  /** Its machine is lost: Envoy by SIGKILL, the application's connections broken. */
  kill(): Promise<void>
  stop(): Promise<void>
}

export interface WorkloadOptions {
  readonly binary: string
  /** The bootstrap of its sidecar. */
  readonly bootstrap: object
}

/** Started, not yet ready: `sidecar.ready()` tells when its first configuration is in force. */
export async function startWorkload(plan: DemoWorkload, options: WorkloadOptions): Promise<RunningWorkload> {
  const app: SampleApp = await startSampleApp(plan)
  const sidecar = await startEnvoy({ ...options, name: `sidecar of ${plan.name}` })
  return {
    plan,
    sidecar,
    requests: async () => {
      const { body } = await sidecar.get('/clusters?format=json')
      const clusters = (JSON.parse(body) as Clusters).cluster_statuses ?? []
      const calls = plan.calls && hostOf(plan.calls)
      return {
        inbound: total(clusters.filter(({ name }) => name.startsWith('inbound|'))),
        outbound: total(
          clusters.filter(({ name }) => name.startsWith('outbound|') && name.endsWith(`|${calls}`)),
        ),
      }
    },
    async kill() {
      await Promise.all([sidecar.kill(), app.stop()])
    },
    async stop() {
      await Promise.all([sidecar.stop(), app.stop()])
    },
  }
}

/** Envoy's `/clusters?format=json` (envoy.admin.v3.Clusters), what is read of it. */
interface Clusters {
  readonly cluster_statuses?: readonly {
    readonly name: string
    readonly host_statuses?: readonly {
      readonly stats: readonly { readonly name?: string; readonly value?: string }[]
    }[]
  }[]
}

function total(clusters: NonNullable<Clusters['cluster_statuses']>): number {
  const stats = clusters.flatMap((each) => each.host_statuses ?? []).flatMap((host) => host.stats)
  return stats
    .filter(({ name }) => name === 'rq_total')
    .reduce((sum, { value }) => sum + Number(value ?? 0), 0)
}
