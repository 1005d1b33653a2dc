/**
 * `npm run bench:scale`: a large mesh of which each sidecar sees a part.
 *   --services 10000 --endpoints 10 --proxies 2000 --namespaces 40 --scope 50   --changes 100
 *   --seconds 60 --rate 25      then so many changes a second, of any service
 */
import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'
import { meshFiles } from '../support/mesh-files.ts'
import { cpuSeconds, rss } from '../support/proc.ts'
import { startChanger } from './changer.ts'
import { connected, eventLoopP99, startPilot, steadily } from './servers.ts'
import { buildTools, load } from './tools.ts'

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '10000' },
    endpoints: { type: 'string', default: '10' },
    proxies: { type: 'string', default: '2000' },
    namespaces: { type: 'string', default: '40' },
    scope: { type: 'string', default: '50' },
    changes: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '25' },
  },
})
const number = (name: keyof typeof values): number => Number(values[name])
const services = number('services')
const namespaces = number('namespaces')
const scope = number('scope')

const tools = buildTools()
const files = meshFiles({ services, endpoints: number('endpoints'), namespaces, scope })
const pilot = await startPilot(['--files', files.dir], 'ns-0')
console.log(`start ${Math.round(pilot.startup)} ms, RSS ${Math.round(rss(pilot.pid))} MiB`)

const changer = await startChanger((address) => files.change(0, address))
const each = String(Math.ceil(number('proxies') / namespaces))
const common = ['-addr', pilot.xds, '-mode', 'delta', '-proxies', each, '-idle', '1s', '-settle', '1s']
const waiting = Array.from({ length: namespaces - 1 }, (_, i) =>
  spawn(tools.xdsload, [...common, '-namespace', `ns-${i + 1}`, '-duration', '1h', '-timeout', '1h'], {
    stdio: 'ignore',
  }),
)
try {
  await connected(pilot, number('proxies') - Number(each))
  const report = await load(tools, [
    ...common,
    ...['-namespace', 'ns-0', '-pid', String(pilot.pid), '-interval', '200ms'],
    ...['-changes', values.changes, ...changer.flags],
  ])
  const { changes } = report
  console.log(
    `${values.proxies} proxies of ${scope} of ${services} services: RSS ${Math.round(rss(pilot.pid))} MiB; ` +
      `a change to ${changes.msgs_per_change} subscribers p50 ${changes.from_command_start.p50_ms.toFixed(1)} ms, ` +
      `p99 ${changes.from_command_start.p99_ms.toFixed(1)} ms, CPU ${(changes.server_cpu_seconds_per_change * 1000).toFixed(1)} ms`,
  )
  await storm()
} finally {
  for (const client of waiting) client.kill()
  changer.stop()
  await pilot.stop()
  files.remove()
}

/** Changes of services, one after the other, at a steady rate. */
async function storm(): Promise<void> {
  const seconds = number('seconds')
  const rate = number('rate')
  const [cpu, began] = [cpuSeconds(pilot.pid), performance.now()]
  const total = seconds * rate
  await steadily(total, rate, (i) => files.change((i * 7) % services, `10.98.${i >> 8}.${i & 255}`))
  const took = (performance.now() - began) / 1000
  const p99 = await eventLoopP99(pilot)
  console.log(
    `${(total / took).toFixed(1)} changes a second for ${Math.round(took)} s: ${((cpuSeconds(pilot.pid) - cpu) / took).toFixed(2)} cores, ` +
      `RSS ${Math.round(rss(pilot.pid))} MiB, event loop p99 ${p99.toFixed(0)} ms late`,
  )
}
