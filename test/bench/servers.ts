/** The servers under measurement, each a process of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from '../support/ports.ts'
import type { Tools } from './tools.ts'

export interface Server {
  readonly name: string
  readonly xds: string
  readonly pid: number
  /** Flags of the load client that make one change. */
  readonly change: readonly string[]
  /** Milliseconds from spawn to ready. */
  readonly startup: number
  /** Counters since start, where the server has them. */
  counters(): Promise<Readonly<Record<string, number>>>
  stop(): Promise<void>
}

export interface Size {
  readonly services: number
  readonly endpoints: number
  readonly proxies: number
}

/** `pilothouse serve` on a directory of ServiceEntry files; a change is the atomic rewrite of one of them. */
export async function startPilothouse(tools: Tools, size: Size): Promise<Server> {
  const dir = mkdtempSync(path.join(tmpdir(), 'pilothouse-bench-'))
  const files = path.join(dir, 'services')
  execFileSync('mkdir', [files])
  execFileSync(tools.gen, [
    '-dir',
    files,
    '-services',
    String(size.services),
    '-endpoints',
    String(size.endpoints),
  ])
  const [xdsPort, adminPort] = [await freePort(), await freePort()]
  const started = performance.now()
  const child = spawn(
    process.execPath,
    [
      'src/bin.js',
      'serve',
      '--files',
      files,
      '--xds-address',
      `127.0.0.1:${xdsPort}`,
      '--admin-address',
      `127.0.0.1:${adminPort}`,
      '--log-level',
      'warn',
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  )
  await until(async () => (await fetch(`http://127.0.0.1:${adminPort}/ready`)).ok, child)
  return {
    name: 'pilothouse',
    xds: `127.0.0.1:${xdsPort}`,
    pid: child.pid!,
    startup: performance.now() - started,
    change: ['-change-cmd', `${tools.gen} -dir ${files} -endpoints ${size.endpoints} -mark 10.99.0.{i}`],
    counters: async () => parseMetrics(await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()),
    stop: async () => {
      await stop(child)
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** go-control-plane serving the very resources of `from`; a change is a POST. */
export async function startPeer(tools: Tools, cache: 'linear' | 'raw', resources: string): Promise<Server> {
  const [xdsPort, httpPort] = [await freePort(), await freePort()]
  const started = performance.now()
  const child = spawn(
    tools.peer,
    ['-cache', cache, '-file', resources, '-grpc', `127.0.0.1:${xdsPort}`, '-http', `127.0.0.1:${httpPort}`],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  await until(() => connects(xdsPort), child)
  return {
    name: `go-control-plane ${cache}`,
    xds: `127.0.0.1:${xdsPort}`,
    pid: child.pid!,
    startup: performance.now() - started,
    change: ['-change-post', `http://127.0.0.1:${httpPort}/set?addr=10.99.0.{i}`],
    counters: async () => ({}),
    stop: () => stop(child),
  }
}

/** Copies what `server` serves into a file for the peers. */
export function capture(tools: Tools, server: Server, file: string): void {
  execFileSync(tools.peer, ['-fetch', server.xds, '-file', file], { stdio: 'ignore' })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const closed = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await closed
  clearTimeout(timer)
}

async function until(condition: () => Promise<boolean>, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 6000; tries++) {
    if (child.exitCode !== null) throw new Error(`server ended with ${child.exitCode} before it was ready`)
    if (await condition().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error('server not ready after 30 s')
}

async function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

/** Prometheus text to sums by metric name (labels joined). */
function parseMetrics(text: string): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const line of text.split('\n')) {
    const match = /^([a-z_:]+)(\{[^}]*\})? (\S+)$/.exec(line)
    if (match) sums[match[1]!] = (sums[match[1]!] ?? 0) + Number(match[3])
  }
  return sums
}
