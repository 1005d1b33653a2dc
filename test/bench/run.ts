/**
 * `npm run bench`: Pilothouse and, on the very resources it serves, go-control-plane, in turn on the same machine.
 *   --sizes 100x10x100,500x10x100   services x endpoints x proxies
 *   --modes delta,sotw   --changes 10   --peers linear,raw   --json FILE
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { capture, type Server, type Size, startPeer, startPilothouse } from './servers.ts'
import { buildTools, type LoadReport, load, type Tools } from './tools.ts'

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100x10x100,500x10x100,100x10x200,500x10x200' },
    modes: { type: 'string', default: 'delta,sotw' },
    peers: { type: 'string', default: 'linear,raw' },
    changes: { type: 'string', default: '10' },
    json: { type: 'string' },
  },
})

interface Row {
  readonly size: string
  readonly mode: string
  readonly server: string
  readonly startup: number
  readonly report: LoadReport
}

function parseSize(text: string): Size {
  const [services, endpoints, proxies] = text.split('x').map(Number)
  if (!services || !endpoints || !proxies)
    throw new Error(`--sizes: ${text} is not SERVICESxENDPOINTSxPROXIES`)
  return { services, endpoints, proxies }
}

async function measure(tools: Tools, server: Server, size: Size, mode: string): Promise<Row> {
  const report = await load(tools, [
    '-addr',
    server.xds,
    '-proxies',
    String(size.proxies),
    '-mode',
    mode,
    '-pid',
    String(server.pid),
    '-idle',
    '2s',
    '-settle',
    '1s',
    '-changes',
    values.changes,
    '-interval',
    '500ms',
    '-marker-prefix',
    '10.99.0.',
    ...server.change,
  ])
  return {
    size: `${size.services}x${size.endpoints}x${size.proxies}`,
    mode,
    server: server.name,
    startup: server.startup,
    report,
  }
}

async function measureAll(tools: Tools): Promise<Row[]> {
  const rows: Row[] = []
  const dir = mkdtempSync(path.join(tmpdir(), 'pilothouse-bench-'))
  try {
    for (const size of values.sizes.split(',').map(parseSize)) {
      const resources = path.join(dir, `${size.services}.bin`)
      for (const mode of values.modes.split(',')) {
        const servers = [
          async () => {
            const server = await startPilothouse(tools, size)
            capture(tools, server, resources)
            return server
          },
          ...values.peers
            .split(',')
            .filter((peer) => peer === 'linear' || peer === 'raw')
            .map((peer) => () => startPeer(tools, peer, resources)),
        ]
        for (const start of servers) {
          const server = await start()
          try {
            rows.push(await measure(tools, server, size, mode))
          } finally {
            await server.stop()
          }
          print(rows.at(-1)!)
        }
      }
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
  return rows
}

const spread = (s: { p50_ms: number; p99_ms: number; max_ms: number }) =>
  [s.p50_ms, s.p99_ms, s.max_ms].map((ms) => ms.toFixed(ms < 100 ? 1 : 0)).join(' / ')

function print({ size, mode, server, startup, report }: Row): void {
  const { initial_sync: sync, changes } = report
  console.log(
    [
      size.padEnd(12),
      mode.padEnd(6),
      server.padEnd(24),
      `start ${startup.toFixed(0)} ms`,
      `sync ${spread(report.connect_to_configured)} ms`,
      `cpu ${sync.server_cpu_seconds.toFixed(2)} s`,
      `${(sync.traffic.bytes / 1e6).toFixed(0)} MB`,
      `rss ${report.idle_connected.server_at_end.rss_mib.toFixed(0)} (${report.idle_connected.server_at_end.hwm_mib.toFixed(0)}) MiB`,
      `change ${spread(changes.from_command_end)} ms`,
      `cpu ${(changes.server_cpu_seconds_per_change * 1000).toFixed(0)} ms`,
      `${changes.msgs_per_change} messages`,
      `${(changes.bytes_per_change / 1000).toFixed(1)} kB`,
    ].join('  '),
  )
}

const rows = await measureAll(buildTools())
if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`)
