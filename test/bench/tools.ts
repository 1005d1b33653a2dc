/** The load client, the peer and the file writer, built once from a folder of Go sources. */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'

export interface Tools {
  /** N simulated sidecars against one server; prints a JSON report. */
  readonly xdsload: string
  /** A go-control-plane server for the resources that another server served. */
  readonly peer: string
  /** Writes S ServiceEntry files of E endpoints; `-mark` rewrites the first. */
  readonly gen: string
}

/** Builds what is missing into the user's cache. `XDSLOAD` names the sources' folder. */
export function buildTools(): Tools {
  const sources = process.env.XDSLOAD ?? '../shared/xdsload'
  if (!existsSync(path.join(sources, 'go.mod'))) {
    throw new Error(`no load client at ${sources}: set XDSLOAD to the folder of xdsload's Go sources`)
  }
  const cache = path.join(
    process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'),
    'pilothouse',
    'xdsload',
  )
  mkdirSync(cache, { recursive: true })
  const build = (name: string, folder: string) => {
    const binary = path.join(cache, name)
    execFileSync('go', ['build', '-o', binary, '.'], { cwd: path.join(sources, folder), stdio: 'inherit' })
    return binary
  }
  return { xdsload: build('xdsload', '.'), peer: build('gcpsrv', 'peer'), gen: build('gen', 'gen') }
}

/** The parts of xdsload's report that are printed. Milliseconds, bytes, MiB as the names say. */
export interface LoadReport {
  readonly ok: boolean
  readonly connect_to_configured: Spread
  readonly initial_sync: {
    readonly server_cpu_seconds: number
    readonly traffic: { readonly msgs: number; readonly bytes: number }
  }
  readonly server_before: Memory
  readonly idle_connected: { readonly server_cpu_seconds: number; readonly server_at_end: Memory }
  readonly changes: {
    readonly fully_converged: number
    readonly from_command_end: Spread
    readonly from_command_start: Spread
    readonly msgs_per_change: number
    readonly bytes_per_change: number
    readonly server_cpu_seconds_per_change: number
    readonly each: readonly { readonly window: { readonly server_cpu_seconds: number } }[]
  }
}
interface Spread {
  readonly p50_ms: number
  readonly p99_ms: number
  readonly max_ms: number
}
interface Memory {
  readonly rss_mib: number
  readonly hwm_mib: number
}

/** One run of the load client; rejects with its report's complaint if anything did not converge. */
export async function load(tools: Tools, args: readonly string[]): Promise<LoadReport> {
  const child = spawn(tools.xdsload, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  if (code !== 0) throw new Error(`xdsload ended with ${code}: ${text.slice(0, 2000)}`)
  return JSON.parse(text) as LoadReport
}
