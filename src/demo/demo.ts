/** The demo: a Pilot on the file registry, three services as if on VMs, a real Envoy for each workload, and traffic. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureEnvoy } from './envoy.ts'
import { putFile, serviceEntry, serviceFile, workloadEntry, workloadFile } from './files.ts'
import { type DemoPlan, type DemoWorkload, hostOf, planDemo, services } from './plan.ts'
import { type Report, startReport } from './report.ts'
import { tellStory } from './story.ts'
import { type RunningWorkload, startWorkload } from './workload.ts'

/** A Pilot at work, as the demo needs it. */
export interface DemoPilot {
  stop(): Promise<void>
}

export interface DemoOptions {
  /** Ends by itself after the story. */
  readonly once: boolean
  readonly out: NodeJS.WritableStream
  /** Aborted by Ctrl-C: everything is stopped, in order. */
  readonly signal: AbortSignal
  /** Starts a Pilot that follows the YAML files in `files`; resolves when it is ready. */
  readonly startPilot: (options: { files: string; xdsPort: number; adminPort: number }) => Promise<DemoPilot>
  /** The Envoy bootstrap of a sidecar in explicit mode. */
  readonly bootstrap: (workload: DemoWorkload, xdsPort: number) => object
}

/** What shells say of a command that ended by Ctrl-C. */
const interrupted = 130

/** Started at the beginning; the last one of the plan is added in the story. */
const atFirst = (plan: DemoPlan) => plan.workloads.slice(0, -1)

const restOf = (plan: DemoPlan) => `http://127.0.0.1:${plan.adminPort}`

/**
 * Runs the demo; resolves with the exit code: 0 if all that it tried was seen to be true, 1 if not, 130 if interrupted
 * before its end.
 * Throws if it can't be set up (no Envoy, no loopback addresses, no free ports). Leaves no process and no file.
 */
export async function runStage(options: DemoOptions): Promise<number> {
  const report = startReport(options.out)
  const binary = await ensureEnvoy({ log: report.line })
  const plan = await planDemo()
  for (const note of plan.notes) report.line(note)
  const files = await mkdtemp(join(tmpdir(), 'pilothouse-demo-'))
  const running = new Map<string, RunningWorkload>()
  let pilot: DemoPilot | undefined
  try {
    report.heading('Pilot')
    pilot = await openPilot(options, plan, files, report)
    const start = async (name: string) => {
      const workload = plan.workloads.find((each) => each.name === name)!
      const started = await startWorkload(workload, {
        binary,
        bootstrap: options.bootstrap(workload, plan.xdsPort),
      })
      running.set(name, started)
      await started.sidecar.ready()
      return started
    }
    await openSidecars(plan, start, report)
    const workload = (name: string) => running.get(name)!
    options.signal.throwIfAborted()
    const rest = restOf(plan)
    await tellStory({ rest, files, report, workload, start, signal: options.signal })
    if (!options.once) {
      showPlaces(plan, report)
      await aborted(options.signal)
    }
    return conclude(report, options.once)
  } catch (error) {
    if (options.signal.aborted) return interrupted
    throw error
  } finally {
    await Promise.all([...running.values()].map((each) => each.stop()))
    await pilot?.stop()
    plan.release()
    await rm(files, { recursive: true, force: true })
  }
}

async function openPilot(
  options: DemoOptions,
  plan: DemoPlan,
  files: string,
  report: Report,
): Promise<DemoPilot> {
  for (const service of services) await putFile(files, serviceFile(service), [serviceEntry(service)])
  for (const each of atFirst(plan)) await putFile(files, workloadFile(each), [workloadEntry(each)])
  const started = performance.now()
  const { xdsPort, adminPort } = plan
  const pilot = await options.startPilot({ files, xdsPort, adminPort })
  const took = Math.round(performance.now() - started)
  report.check(
    true,
    `Pilot ready in ${took} ms: xDS 127.0.0.1:${xdsPort}, REST http://127.0.0.1:${adminPort}`,
  )
  report.line(`file registry: ${files} (${services.length} services, ${atFirst(plan).length} workloads)`)
  return pilot
}

async function openSidecars(
  plan: DemoPlan,
  start: (name: string) => Promise<RunningWorkload>,
  report: Report,
): Promise<void> {
  report.heading('Workloads, as if VMs, each with an Envoy sidecar of its own')
  const began = performance.now()
  const workloads = await Promise.all(atFirst(plan).map(({ name }) => start(name)))
  const took = Math.round(performance.now() - began)
  for (const { plan: each, sidecar } of workloads) {
    const calls = each.calls ? `, calls ${hostOf(each.calls)} by ${each.ip}:${each.outboundPort}` : ''
    report.line(`${each.name.padEnd(13)} ${each.ip}:${each.appPort}, Envoy ${sidecar.pid}${calls}`)
  }
  report.check(
    true,
    `${workloads.length} sidecars got their configuration and are live, ${took} ms after their start`,
  )
}

/** What to look at while it stays up; each of these lines works as it is. */
function showPlaces(plan: DemoPlan, report: Report): void {
  const rest = restOf(plan)
  const admin = plan.adminPort === 15014 ? '' : ` --admin ${rest}`
  const web = plan.workloads[0]!
  report.heading('It stays up. Look at it, and stop it with Ctrl-C:')
  report.line(
    `curl http://${web.ip}:${web.appPort}/                      web, through its sidecar and the mesh`,
  )
  report.line(
    `curl -x http://${web.ip}:${web.outboundPort} http://${hostOf('reviews')}/   reviews, as web calls it`,
  )
  report.line(`${rest}/   the Pilot's REST: /debug/registryz /debug/endpointz /debug/syncz /metrics`)
  report.line(`npx pilothouse proxy-status${admin}`)
  report.line(`npx pilothouse endpoints ${hostOf('reviews')}${admin}`)
  const admins = plan.workloads.filter(({ name }) => name !== 'reviews-v2-1')
  report.line(
    `Envoy admin: ${admins.map((each) => `${each.name} http://127.0.0.1:${each.adminPort}`).join(', ')}`,
  )
}

function conclude(report: Report, once: boolean): number {
  if (report.failed.length === 0) {
    if (once) report.heading('All of it was seen to be true.')
    return 0
  }
  report.heading(`Not true: ${report.failed.length}`)
  for (const text of report.failed) report.line(text)
  return 1
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    // Keeps the process up by itself, whatever else is open.
    const alive = setInterval(() => {}, 2 ** 30)
    signal.addEventListener('abort', () => {
      clearInterval(alive)
      resolve()
    })
  })
