/** What happens in the demo, step by step; each step says what it saw, and fails where that is not what it should be. */
import { setTimeout as sleep } from 'node:timers/promises'
import { putFile, removeFile, workloadEntry, workloadFile } from './files.ts'
import type { DemoWorkload } from './plan.ts'
import type { Report } from './report.ts'
import { countBy, type Sample, sample, startTraffic, type Traffic } from './traffic.ts'
import type { RunningWorkload } from './workload.ts'

export interface Stage {
  /** The Pilot's REST, `http://127.0.0.1:15014`. */
  readonly rest: string
  /** The directory that the file registry follows. */
  readonly files: string
  readonly report: Report
  readonly workload: (name: string) => RunningWorkload
  /** Starts the application and the sidecar of a planned workload and waits until both can serve. */
  readonly start: (name: string) => Promise<RunningWorkload>
  readonly signal: AbortSignal
}

/** How long a step may take to show itself, and how long it is then watched, ms. */
const patience = 10_000
const watch = 1500

const reviewer = (each: { readonly chain: readonly string[] }) => each.chain[1] ?? ''
const ms = (from: number, to: number) => `${Math.max(0, Math.round(to - from))} ms`

/** Tells the whole story; what was false is in the report. Throws if the stage itself breaks, or on the signal. */
export async function tellStory(stage: Stage): Promise<void> {
  const { report } = stage
  const web = stage.workload('web-1').plan
  report.heading('Requests')
  await firstRequest(stage, web)
  const traffic = startTraffic(web)
  try {
    await bothVersions(stage, traffic)
    report.heading('An endpoint is added, one drained, one killed, under steady traffic')
    await add(stage, traffic, 'reviews-v2-2')
    await drain(stage, traffic, 'reviews-v1-1')
    await kill(stage, traffic, 'reviews-v2-1')
  } finally {
    await traffic.stop()
  }
  total(report, traffic)
  await inSync(stage)
}

/** Every sidecar holds, and has accepted, what it was sent. */
async function inSync({ rest, report }: Stage): Promise<void> {
  const answer = await fetch(`${rest}/debug/syncz`)
  const proxies = (await answer.json()) as { proxy: string; types: Record<string, { status: string }> }[]
  const statuses = proxies.flatMap(({ types }) => Object.values(types).map(({ status }) => status))
  const synced = statuses.filter((status) => status === 'SYNCED').length
  const all = `${proxies.length} sidecars, ${synced} of ${statuses.length} subscriptions SYNCED`
  report.check(synced === statuses.length && proxies.length > 0, `the Pilot sees ${all}`)
}

async function firstRequest({ report, workload, signal }: Stage, web: DemoWorkload): Promise<void> {
  const deadline = performance.now() + patience
  let first = await sample(web)
  while (first.failure && performance.now() < deadline) {
    await sleep(50, undefined, { signal })
    first = await sample(web)
  }
  const way = first.chain.join(' → ')
  report.check(!first.failure && first.chain.length === 3, `GET web: ${first.failure ?? way}`)
  const counts = await Promise.all(
    first.chain.map(async (name) => {
      const { inbound, outbound } = await workload(name).requests()
      return { name, inbound, outbound, calls: workload(name).plan.calls !== undefined }
    }),
  )
  const through = counts.every((each) => each.inbound > 0 && (each.outbound > 0 || !each.calls))
  const told = counts.map((each) => `${each.name} ${each.inbound} in ${each.outbound} out`).join(', ')
  report.check(through && counts.length === 3, `each hop went through real sidecars: ${told}`)
}

async function bothVersions({ report, signal }: Stage, traffic: Traffic): Promise<void> {
  const start = performance.now()
  await seen(signal, () => ['v1', 'v2'].every((v) => traffic.since(start).some((each) => each.version === v)))
  await pause(signal, watch)
  const samples = traffic.since(start)
  const versions = new Set(samples.map((each) => each.version))
  report.check(
    versions.has('v1') && versions.has('v2') && failures(samples) === 0,
    `both versions of reviews answer: ${countBy(samples, (each) => each.version)}, ${failures(samples)} failed`,
  )
}

async function add(stage: Stage, traffic: Traffic, name: string): Promise<void> {
  const { plan } = await stage.start(name)
  const changed = performance.now()
  await putFile(stage.files, workloadFile(plan), [workloadEntry(plan)])
  const first = await seen(stage.signal, () => traffic.since(changed).find((each) => reviewer(each) === name))
  await pause(stage.signal, watch)
  const samples = traffic.since(changed)
  const when = first
    ? `its first answer ${ms(changed, first.answered)} after its file was written`
    : 'no answer'
  stage.report.check(
    first !== undefined && failures(samples) === 0,
    `${name} added: ${when}; ${countBy(samples, reviewer)}, ${failures(samples)} failed`,
  )
}

/** Drained in the file, watched, and taken back: it keeps running all the while. */
async function drain(stage: Stage, traffic: Traffic, name: string): Promise<void> {
  const { plan } = stage.workload(name)
  const changed = performance.now()
  await putFile(stage.files, workloadFile(plan), [workloadEntry(plan, 'draining')])
  await quiet(stage.signal, traffic, name)
  const last = traffic.since(changed).findLast((each) => reviewer(each) === name)
  const settled = performance.now()
  await pause(stage.signal, watch)
  const after = traffic.since(settled)
  const when = last
    ? `its last answer ${ms(changed, last.answered)} after its file changed`
    : 'not one answer more'
  stage.report.check(
    after.length > 0 &&
      after.every((each) => reviewer(each) !== name) &&
      failures(traffic.endedSince(changed)) === 0,
    `${name} drained: ${when}; then ${countBy(after, reviewer)}, ${failures(traffic.endedSince(changed))} failed`,
  )
  const back = performance.now()
  await putFile(stage.files, workloadFile(plan), [workloadEntry(plan)])
  const first = await seen(stage.signal, () => traffic.since(back).find((each) => reviewer(each) === name))
  const told = first ? `its first answer after ${ms(back, first.answered)}` : 'no answer'
  stage.report.check(
    first !== undefined && failures(traffic.endedSince(back)) === 0,
    `${name} back: ${told}, ${failures(traffic.endedSince(back))} failed`,
  )
}

/** Its processes die without a word to the registry; only later its file is removed. */
async function kill(stage: Stage, traffic: Traffic, name: string): Promise<void> {
  const victim = stage.workload(name)
  const killed = performance.now()
  await victim.kill()
  const gone = performance.now()
  await pause(stage.signal, 2 * watch)
  await removeFile(stage.files, workloadFile(victim.plan))
  await pause(stage.signal, watch)
  const samples = traffic.endedSince(killed)
  const after = traffic.since(gone)
  stage.report.check(
    after.length > 0 && after.every((each) => reviewer(each) !== name) && failures(samples) === 0,
    `${name} killed (SIGKILL), its file removed 3 s later: ${countBy(after, reviewer)}, ${failures(samples)} failed`,
  )
}

function total(report: Report, traffic: Traffic): void {
  const failed = traffic.samples.filter((each) => each.failure)
  const all = `${traffic.samples.length} requests, ${failed.length} failed`
  report.check(failed.length === 0 && traffic.samples.length > 0, `in all ${all}`)
  for (const each of failed.slice(0, 10)) report.line(each.failure!)
}

const failures = (samples: readonly Sample[]) => samples.filter((each) => each.failure !== undefined).length

/** What `look` finds, asked again and again; undefined if it finds nothing in time. */
async function seen<T>(signal: AbortSignal, look: () => T | undefined | false): Promise<T | undefined> {
  const deadline = performance.now() + patience
  while (performance.now() < deadline) {
    const found = look()
    if (found) return found
    await sleep(10, undefined, { signal })
  }
  return undefined
}

/** Until `name` has not answered for half a second. */
async function quiet(signal: AbortSignal, traffic: Traffic, name: string): Promise<void> {
  const silence = 500
  await seen(signal, () => {
    const recent = traffic.since(performance.now() - silence)
    return recent.length > 0 && recent.every((each) => reviewer(each) !== name)
  })
}

const pause = (signal: AbortSignal, time: number): Promise<void> => sleep(time, undefined, { signal })
