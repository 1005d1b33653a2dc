/**
 * `npm run bench`: Pilothouse and, on the very resources it serves, go-control-plane, in turn on the same machine.
 *   --sizes 100x10x100,500x10x200   services x endpoints x proxies
 *   --modes delta,sotw   --changes 20   --rounds 3   --peers linear,raw   --json FILE
 *   --sources files,consul          what Pilothouse reads, and where the change is made
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { capture, type Server, type Size, startPeer, startPilothouse } from './servers.ts'
import { line, medians, type Row, ratios } from './table.ts'
import { buildTools, load, type Tools } from './tools.ts'

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100x10x100,500x10x200,1000x10x500' },
    modes: { type: 'string', default: 'delta,sotw' },
    peers: { type: 'string', default: 'linear,raw' },
    changes: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '3' },
    sources: { type: 'string', default: 'files' },
    json: { type: 'string' },
  },
})

function parseSize(text: string): Size {
  const [services, endpoints, proxies] = text.split('x').map(Number)
  if (!services || !endpoints || !proxies)
    throw new Error(`--sizes: ${text} is not SERVICESxENDPOINTSxPROXIES`)
  return { services, endpoints, proxies }
}

async function measure(tools: Tools, server: Server, size: Size, mode: string): Promise<Row> {
  await server.eventLoopP99?.()
  const report = await load(tools, [
    ...['-addr', server.xds, '-proxies', String(size.proxies), '-mode', mode, '-pid', String(server.pid)],
    ...['-idle', '2s', '-settle', '1s', '-changes', values.changes, '-interval', '200ms', ...server.change],
  ])
  const { initial_sync: sync, changes, idle_connected: idle, connect_to_configured: configured } = report
  return {
    size: `${size.services}x${size.endpoints}x${size.proxies}`,
    mode,
    server: server.name,
    figures: {
      'start, ms': server.startup,
      'sync p50, ms': configured.p50_ms,
      'sync p99, ms': configured.p99_ms,
      'sync max, ms': configured.max_ms,
      'sync CPU, s': sync.server_cpu_seconds,
      'sync, MB': sync.traffic.bytes / 1e6,
      'RSS before, MiB': report.server_before.rss_mib,
      'RSS connected, MiB': idle.server_at_end.rss_mib,
      'change p50, ms': changes.from_command_start.p50_ms,
      'change p99, ms': changes.from_command_start.p99_ms,
      'change max, ms': changes.from_command_start.max_ms,
      'CPU a change, ms': changes.server_cpu_seconds_per_change * 1000,
      'messages a change': changes.msgs_per_change,
      'kB a change': changes.bytes_per_change / 1000,
      ...(server.eventLoopP99 ? { 'event loop p99, ms': await server.eventLoopP99() } : {}),
    },
  }
}

/** Each server of a size and mode in turn, round by round, so that what disturbs the machine disturbs all of them. */
async function measureAll(tools: Tools): Promise<Row[]> {
  const rows: Row[] = []
  const dir = mkdtempSync(path.join(tmpdir(), 'pilothouse-bench-'))
  const wanted = values.peers.split(',').filter((peer) => peer === 'linear' || peer === 'raw')
  try {
    for (const size of values.sizes.split(',').map(parseSize)) {
      const resources = path.join(dir, `${size.services}.bin`)
      const own = values.sources.split(',').map((source, i) => async () => {
        const server = await startPilothouse(tools, size, source === 'consul' ? 'consul' : 'files')
        // The peers serve what it serves of the first source.
        if (i === 0) capture(tools, server, resources)
        return server
      })
      const peers = wanted.map((peer) => () => startPeer(tools, peer, resources))
      for (const mode of values.modes.split(',')) {
        const some: Row[] = []
        for (let round = 0; round < Number(values.rounds); round++)
          for (const start of [...own, ...peers]) {
            const server = await start()
            try {
              some.push(await measure(tools, server, size, mode))
            } finally {
              await server.stop()
            }
            console.log(line(some.at(-1)!))
          }
        rows.push(...some)
        for (const row of medians(some)) console.log(`median  ${line(row)}`)
        for (const text of ratios(medians(some))) console.log(text)
      }
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
  return rows
}

const rows = await measureAll(buildTools())
if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`)
