/**
 * `npm run bench:envoys`: many real Envoys on a large mesh; from a change (one file replaced) to the first request of each
 * that is answered by the new endpoint.   --services 1000 --envoys 20 --changes 20
 */
import { parseArgs } from 'node:util'
import { pilotOn } from '../real/support/pilot.ts'
import { startApp } from '../support/apps.ts'
import { cleanup } from '../support/cleanup.ts'
import { hostname, meshFiles } from '../support/mesh-files.ts'
import { freePort } from '../support/ports.ts'
import { cpuSeconds, rss } from '../support/proc.ts'
import { startLoad } from '../support/traffic.ts'
import { percentile } from './registries/table.ts'

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '1000' },
    envoys: { type: 'string', default: '20' },
    changes: { type: 'string', default: '20' },
  },
})
const house = cleanup()
try {
  const addresses = ['127.77.1.1', '127.77.1.2']
  const port = await freePort(addresses[0]!)
  for (const address of addresses)
    house.add(await startApp({ kind: 'http', name: address, address, port }), (it) => it.stop())
  const files = house.add(meshFiles({ services: Number(values.services), endpoints: 10, port }), (it) =>
    it.remove(),
  )
  files.change(0, addresses[0]!, true)
  const pilot = await pilotOn(house, [{ kind: 'file', path: files.dir }])
  const loads = []
  for (let i = 0; i < Number(values.envoys); i++) {
    const { outbound } = await pilot.sidecar(`envoy-${i}`)
    loads.push(
      house.add(startLoad({ to: outbound, host: hostname(0), inFlight: 1, pause: 2 }), (it) => it.stop()),
    )
  }
  console.log(`${values.envoys} Envoys live; RSS of the Pilot ${rss(pilot.pid).toFixed(0)} MiB`)
  const took: number[] = []
  const cpu = cpuSeconds(pilot.pid)
  for (let change = 1; change <= Number(values.changes); change++) {
    const address = addresses[change % 2]!
    const answered = loads.map((load) => load.counts.byApp.get(address) ?? 0)
    files.change(0, address, true)
    const began = performance.now()
    const waiting = new Set(loads.keys())
    while (waiting.size > 0) {
      if (performance.now() - began > 30_000) throw new Error(`${waiting.size} Envoys did not follow`)
      await new Promise(setImmediate)
      for (const i of waiting)
        if ((loads[i]!.counts.byApp.get(address) ?? 0) > answered[i]!) {
          took.push(performance.now() - began)
          waiting.delete(i)
        }
    }
    // Connections to the endpoint before are drained.
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  const counts = await Promise.all(loads.map((load) => load.stop()))
  const each = ((cpuSeconds(pilot.pid) - cpu) * 1000) / Number(values.changes)
  console.log(
    `${values.services} services, ${values.changes} changes: p50 ${percentile(took, 50).toFixed(1)} ms, ` +
      `p99 ${percentile(took, 99).toFixed(1)} ms, max ${Math.max(...took).toFixed(1)} ms; ` +
      `${each.toFixed(1)} ms of the Pilot's CPU a change; ` +
      `${counts.reduce((sum, { ok }) => sum + ok, 0)} requests, ${counts.reduce((sum, { failed }) => sum + failed, 0)} failed`,
  )
} finally {
  await house.end()
}
