/**
 * `npm run bench:soak`: proxies come and go while services change; memory must not grow.
 *   --connects 10000 --proxies 100 (at once) --changes 100000 --services 100
 * Ends with 1 if the last quarter of the samples has more than a tenth more memory than the second one.
 */
import { parseArgs } from 'node:util'
import { meshFiles } from '../support/mesh-files.ts'
import { rss } from '../support/proc.ts'
import { startPilot } from './servers.ts'
import { median } from './table.ts'
import { buildTools, load } from './tools.ts'

const { values } = parseArgs({
  options: {
    connects: { type: 'string', default: '10000' },
    proxies: { type: 'string', default: '100' },
    changes: { type: 'string', default: '100000' },
    services: { type: 'string', default: '100' },
  },
})
const [connects, proxies, changes, services] = [
  Number(values.connects),
  Number(values.proxies),
  Number(values.changes),
  Number(values.services),
]
const rounds = Math.ceil(connects / proxies)
const tools = buildTools()
const files = meshFiles({ services, endpoints: 10 })
const pilot = await startPilot(['--files', files.dir])
const samples: number[] = []
let changed = 0
try {
  for (let round = 0; round < rounds; round++) {
    let running = true
    const client = load(tools, [
      ...['-addr', pilot.xds, '-mode', round % 2 === 0 ? 'delta' : 'sotw', '-proxies', String(proxies)],
      ...['-idle', '10ms', '-settle', '10ms', '-duration', '100ms'],
    ]).finally(() => {
      running = false
    })
    const due = Math.ceil((changes * (round + 1)) / rounds)
    while (changed < due || running) {
      if (changed < due) {
        files.change(changed % services, `10.98.${(changed >> 8) & 255}.${changed & 255}`)
        changed++
      }
      await new Promise((resolve) => setTimeout(resolve, changed % 10 === 0 || changed >= due ? 1 : 0))
    }
    await client
    samples.push(rss(pilot.pid))
    if (round % 10 === 9)
      console.log(`${(round + 1) * proxies} connects, ${changed} changes: ${Math.round(samples.at(-1)!)} MiB`)
  }
} finally {
  await pilot.stop()
  files.remove()
}
const quarter = Math.floor(samples.length / 4)
const early = median(samples.slice(quarter, 2 * quarter))
const late = median(samples.slice(-quarter))
console.log(`second quarter ${early.toFixed(0)} MiB, last quarter ${late.toFixed(0)} MiB`)
process.exitCode = late > early * 1.1 ? 1 : 0
