/** The servers under measurement, each a process of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { typeUrls } from '#xds/type-urls.ts'
import { connect, openDelta } from '../server/client.ts'
import { until } from '../support/cleanup.ts'
import { freePort } from '../support/ports.ts'
import { startConsul } from '../testbed/index.ts'
import { startChanger } from './changer.ts'
import type { Tools } from './tools.ts'

export interface Server {
  readonly name: string
  readonly xds: string
  readonly pid: number
  /** Flags of the load client that make its changes. */
  readonly change: readonly string[]
  /** Milliseconds from spawn to the first resource that a client has. */
  readonly startup: number
  /** Milliseconds, since the last time it was asked; of Pilothouse alone. */
  readonly eventLoopP99?: () => Promise<number>
  stop(): Promise<void>
}

export interface Size {
  readonly services: number
  readonly endpoints: number
  readonly proxies: number
}

/** Where Pilothouse reads its services, and how one of them is changed. */
interface Source {
  readonly flags: readonly string[]
  /** What it returns is awaited. */
  change(address: string): unknown
  stop(): Promise<void>
}

/** A directory of ServiceEntry files; a change is the atomic rewrite of one of them. */
function fileSource(tools: Tools, { services, endpoints }: Size): Source {
  const root = mkdtempSync(path.join(tmpdir(), 'pilothouse-bench-'))
  const dir = path.join(root, 'mesh')
  execFileSync(tools.gen, ['-dir', dir, '-services', String(services), '-endpoints', String(endpoints)])
  const [file, next] = [path.join(dir, 'svc-0000.yaml'), path.join(root, 'next')]
  const text = readFileSync(file, 'utf8')
  return {
    flags: ['--files', dir],
    change(address) {
      writeFileSync(next, text.replace(/address: [\d.]+/, `address: ${address}`))
      renameSync(next, file)
    },
    stop: async () => rmSync(root, { recursive: true, force: true }),
  }
}

/** A real Consul; a change is one instance registered with another address. */
async function consulSource(size: Size): Promise<Source> {
  const consul = await startConsul()
  const register = (service: number, endpoint: number, address: string, first = false) =>
    consul.api('PUT', '/v1/catalog/register', {
      Node: 'bench',
      Address: '10.9.9.9',
      SkipNodeUpdate: !first,
      Service: {
        ID: `svc-${service}-${endpoint}`,
        Service: `svc-${service}`,
        Address: address,
        Port: 8080,
        Tags: ['version=v1'],
        Meta: { protocol: 'http' },
      },
    })
  for (let s = 0; s < size.services; s++)
    for (let e = 0; e < size.endpoints; e++)
      await register(s, e, `10.${s >> 8}.${s & 255}.${e + 1}`, s + e === 0)
  return {
    flags: ['--consul', consul.url],
    change: (address) => register(0, 0, address),
    stop: () => consul.stop(),
  }
}

/** A Pilot as a process of its own. */
export interface Pilot {
  readonly xds: string
  readonly admin: string
  readonly pid: number
  readonly startup: number
  stop(): Promise<void>
}

/** Resolves when a client of that namespace has its first resource. */
export async function startPilot(flags: readonly string[], namespace = 'default'): Promise<Pilot> {
  const [xds, admin] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`]
  const addresses = ['--xds-address', xds, '--admin-address', admin]
  const started = performance.now()
  const command = 'dist/lib/bin.js'
  // #!/usr/bin/env -S node FLAGS
  const [, , , ...nodeFlags] = readFileSync(command, 'utf8').split('\n', 1)[0]!.split(' ')
  const child = spawn(
    process.execPath,
    [...nodeFlags, command, 'serve', ...flags, ...addresses, '--log-level', 'warn'],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  )
  await ready(() => hasResources(Number(xds.split(':')[1]), namespace), child)
  return { xds, admin, pid: child.pid!, startup: performance.now() - started, stop: () => stop(child) }
}

/** How late its timers were, in ms, by its own measure since the last scrape. */
export async function eventLoopP99({ admin }: Pilot): Promise<number> {
  const text = await (await fetch(`http://${admin}/metrics`)).text()
  return Number(/^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(text)?.[1]) * 1000
}

/** Resolves when so many xDS streams are open; rejects after two minutes. */
export async function connected({ admin }: Pilot, count: number): Promise<void> {
  const enough = async () => {
    const text = await (await fetch(`http://${admin}/metrics`)).text()
    const streams = [...text.matchAll(/^pilot_xds\{[^}]*\} (\d+)$/gm)]
    return streams.reduce((sum, [, n]) => sum + Number(n), 0) >= count
  }
  await until(`${count} streams`, enough, 120_000)
}

/** `work` so many times at a steady rate (a second), each with its number. */
export async function steadily(count: number, rate: number, work: (i: number) => unknown): Promise<void> {
  const began = performance.now()
  for (let i = 0; i < count; i++) {
    await work(i)
    const due = began + ((i + 1) * 1000) / rate
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())))
  }
}

/** `pilothouse serve` on one source of `size`. */
export async function startPilothouse(
  tools: Tools,
  size: Size,
  kind: 'files' | 'consul',
): Promise<Server & Pilot & { readonly move: Source['change'] }> {
  const source = await (kind === 'files' ? fileSource(tools, size) : consulSource(size))
  const changer = await startChanger(source.change)
  const pilot = await startPilot(source.flags)
  return {
    ...pilot,
    name: `pilothouse, ${kind}`,
    change: changer.flags,
    move: source.change,
    eventLoopP99: () => eventLoopP99(pilot),
    stop: async () => {
      changer.stop()
      await pilot.stop()
      await source.stop()
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
  await ready(() => hasResources(xdsPort), child)
  return {
    name: `go-control-plane ${cache}`,
    xds: `127.0.0.1:${xdsPort}`,
    pid: child.pid!,
    startup: performance.now() - started,
    change: [
      ...['-change-post', `http://127.0.0.1:${httpPort}/set?addr=10.99.0.{i}`],
      ...['-marker-prefix', '10.99.0.'],
    ],
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

async function ready(condition: () => Promise<boolean>, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 6000; tries++) {
    if (child.exitCode !== null) throw new Error(`server ended with ${child.exitCode} before it was ready`)
    if (await condition().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error('server not ready after 30 s')
}

/** Asks for all clusters, as a sidecar does. */
async function hasResources(port: number, namespace = 'default'): Promise<boolean> {
  const client = connect(port)
  try {
    const stream = openDelta(client)
    stream.send({
      node: { id: `sidecar~10.0.0.1~bench.${namespace}~${namespace}.svc.cluster.local` },
      typeUrl: typeUrls.cluster,
    })
    return (await stream.next(30_000)).resources.length > 0
  } finally {
    client.close()
  }
}
