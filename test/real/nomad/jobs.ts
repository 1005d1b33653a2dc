/** Jobs whose one task sleeps, or serves; their services are changed in place, so that nothing is started anew. */
import { until } from '../../support/cleanup.ts'
import type { NomadJob, NomadServer } from '../../testbed/index.ts'

export interface JobService {
  readonly name: string
  /** Literal; without it the allocation's own. */
  readonly address?: string
  /** A number, or the label of a port of the allocation's network. */
  readonly port?: string
  /** Default: auto. */
  readonly mode?: 'alloc' | 'alloc_ipv6' | 'host'
  readonly tags?: readonly string[]
  readonly checks?: readonly object[]
  readonly provider?: 'nomad' | 'consul'
}

export interface JobOptions {
  readonly namespace?: string
  readonly count?: number
  /** Default: a sleep. */
  readonly command?: readonly [string, ...string[]]
  /** Labels of ports of the allocation's network. */
  readonly ports?: readonly string[]
  /** The ports inside, by label; default: the same as outside. */
  readonly to?: Readonly<Record<string, number>>
  readonly mode?: 'host' | 'bridge'
  readonly shutdownDelay?: number
  readonly meta?: Readonly<Record<string, string>>
  /** The name of the node that it is to run on. */
  readonly node?: string
}

const SECOND = 1e9
// biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad puts it in
const NODE_NAME = '${node.unique.name}'

export function sleeper(id: string, services: readonly JobService[], options: JobOptions = {}): NomadJob {
  const {
    namespace = 'default',
    count = 1,
    command = ['/bin/sleep', '36000'],
    ports = [],
    to,
    mode,
  } = options
  return {
    ID: id,
    Name: id,
    Namespace: namespace,
    Type: 'service',
    Datacenters: ['*'],
    Meta: options.meta,
    ...(options.node ? { Constraints: [{ LTarget: NODE_NAME, RTarget: options.node, Operand: '=' }] } : {}),
    TaskGroups: [
      {
        Name: 'group',
        Count: count,
        ...(ports.length > 0 || mode
          ? {
              Networks: [
                {
                  Mode: mode ?? 'host',
                  DynamicPorts: ports.map((Label) => ({ Label, To: to?.[Label] ?? -1 })),
                },
              ],
            }
          : {}),
        ShutdownDelay: (options.shutdownDelay ?? 0) * SECOND,
        Update: {
          MinHealthyTime: 0.1 * SECOND,
          HealthyDeadline: 60 * SECOND,
          ProgressDeadline: 120 * SECOND,
        },
        ReschedulePolicy: { Delay: 5 * SECOND, DelayFunction: 'constant', Unlimited: true },
        RestartPolicy: { Attempts: 1, Delay: SECOND, Interval: 5 * SECOND, Mode: 'delay' },
        Services: services.map((service) => ({
          Name: service.name,
          Provider: service.provider ?? 'nomad',
          PortLabel: service.port ?? '8080',
          ...(service.address === undefined ? {} : { Address: service.address }),
          AddressMode: service.mode,
          Tags: service.tags ?? [],
          Checks: service.checks ?? [],
        })),
        Tasks: [
          {
            Name: 'task',
            Driver: 'raw_exec',
            KillTimeout: SECOND,
            Config: { command: command[0], args: command.slice(1) },
            Resources: { CPU: 20, MemoryMB: 20 },
          },
        ],
      },
    ],
  }
}

export const httpCheck = { Name: 'up', Type: 'http', Path: '/', Interval: SECOND, Timeout: SECOND }

/** Submits the job as it is now and waits until Nomad lists exactly its services' registrations. */
export async function submit(nomad: NomadServer, job: NomadJob): Promise<void> {
  await nomad.api('POST', `/v1/jobs?namespace=${job.Namespace}`, { Job: job })
  const group = job.TaskGroups[0]
  const wanted = group.Services.filter((service: { Provider: string }) => service.Provider === 'nomad')
    .map(
      ({ Name, Address = '', PortLabel, Tags }: Record<string, unknown>) =>
        `${Name} ${Address} ${PortLabel} ${Tags}`,
    )
    .flatMap((line: string) => Array(group.Count).fill(line))
    .sort()
  await until(
    `job ${job.ID} has its services`,
    async () => {
      const lists = await nomad.api('GET', `/v1/job/${job.ID}/services?namespace=${job.Namespace}`)
      const labels = new Map<string, string>()
      const held = (lists ?? []).map(
        (r: { ID: string; ServiceName: string; Address: string; Tags: string[] }) => {
          const label = r.ID.slice(r.ID.lastIndexOf('-') + 1)
          labels.set(r.ID, label)
          const literal = group.Services.some((s: { Address?: string }) => s.Address === r.Address)
          return `${r.ServiceName} ${literal ? r.Address : ''} ${label} ${r.Tags}`
        },
      )
      if (held.sort().join(';') === wanted.join(';')) return true
      throw new Error(`${held.join(';')} instead of ${wanted.join(';')}`)
    },
    60_000,
  )
}

/** The job's allocation that runs. */
export async function allocationOf(nomad: NomadServer, job: string, namespace = 'default'): Promise<string> {
  const all: { ID: string; ClientStatus: string; DesiredStatus: string }[] = await nomad.api(
    'GET',
    `/v1/job/${job}/allocations?namespace=${namespace}`,
  )
  const running = all.find((each) => each.ClientStatus === 'running' && each.DesiredStatus === 'run')
  if (!running) throw new Error(`nothing of job ${job} runs`)
  return running.ID
}
