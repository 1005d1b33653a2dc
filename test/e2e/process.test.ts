/** The Pilot as a process: quick to start, silent when idle, gone when told. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { putFile, serviceEntry, serviceFile, workloadEntry, workloadFile } from '#src/demo/files.ts'
import { planDemo, services } from '#src/demo/plan.ts'
import { command } from '../support/pilot.ts'
import { freePort } from '../support/ports.ts'

async function demoFiles(): Promise<string> {
  const dir = mkdtempSync(path.join(tmpdir(), 'pilothouse-process-'))
  for (const service of services) await putFile(dir, serviceFile(service), [serviceEntry(service)])
  const plan = await planDemo()
  plan.release()
  for (const workload of plan.workloads) await putFile(dir, workloadFile(workload), [workloadEntry(workload)])
  return dir
}

/** Starts `serve` and waits until it is ready; milliseconds from the spawn on. */
async function serve(files: string) {
  const [xds, admin] = [await freePort(), await freePort()]
  const started = performance.now()
  const child = spawn(
    process.execPath,
    [
      command,
      'serve',
      '--files',
      files,
      '--xds-address',
      `127.0.0.1:${xds}`,
      '--admin-address',
      `127.0.0.1:${admin}`,
    ],
    { stdio: 'ignore' },
  )
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const ready = () =>
    fetch(`http://127.0.0.1:${admin}/ready`).then(
      (r) => r.ok,
      () => false,
    )
  for (let tries = 0; !(await ready()); tries++) {
    assert.ok(tries < 2000 && child.exitCode === null, 'it never was ready')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return { child, ended, took: performance.now() - started }
}

/** Milliseconds in which Node loads some large packages: it is slower when the machine is. */
function yardstick(): number {
  const began = performance.now()
  const packages = ['fastify', '@grpc/grpc-js', 'yaml', '@kubernetes/client-node']
  const loaded = spawnSync(process.execPath, ['-e', packages.map((name) => `require('${name}')`).join(';')])
  assert.equal(loaded.status, 0)
  return performance.now() - began
}
/** Of a machine on which a start takes a second at most. */
const YARDSTICK = 700

test("ready on the demo's files in under a second; SIGTERM ends it with 0", async (t) => {
  const files = await demoFiles()
  t.after(() => rmSync(files, { recursive: true }))
  const tries: { readonly took: number; readonly bound: number }[] = []
  // The quickest counts: what disturbs a start can only make it slower.
  while (tries.length < 8 && !tries.some(({ took, bound }) => took < bound)) {
    const before = yardstick()
    const { child, ended, took } = await serve(files)
    child.kill('SIGTERM')
    assert.equal(await ended, 0)
    tries.push({ took, bound: 1000 * Math.max(1, Math.min(before, yardstick()) / YARDSTICK) })
  }
  const said = tries.map(({ took, bound }) => `${took.toFixed(0)} of ${bound.toFixed(0)}`).join(', ')
  t.diagnostic(`ready after ${said} ms`)
  assert.ok(
    tries.some(({ took, bound }) => took < bound),
    said,
  )
})

/** How often the main thread gave up the processor by itself: it slept, and something woke it. */
function wakeUps(pid: number): number {
  const status = readFileSync(`/proc/${pid}/task/${pid}/status`, 'utf8')
  return Number(/^voluntary_ctxt_switches:\s*(\d+)$/m.exec(status)![1])
}

test('an idle Pilot sleeps: no timer wakes it more than once a second', async (t) => {
  const files = await demoFiles()
  const { child, ended } = await serve(files)
  t.after(async () => {
    child.kill('SIGTERM')
    await ended
    rmSync(files, { recursive: true })
  })
  // What a start leaves behind (garbage collection, connections that time out) dies down.
  let last = wakeUps(child.pid!)
  for (let tries = 0, quiet = 0; tries < 30 && quiet < 3; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const now = wakeUps(child.pid!)
    quiet = now - last <= 1 ? quiet + 1 : 0
    last = now
  }
  const before = wakeUps(child.pid!)
  const seconds = 8
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  const woken = wakeUps(child.pid!) - before
  t.diagnostic(`${woken} wake-ups in ${seconds} s`)
  assert.ok(woken <= seconds, `${woken} wake-ups in ${seconds} s`)
})
