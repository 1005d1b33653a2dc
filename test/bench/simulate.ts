/**
 * `npm run simulate`: measures small fleets, checks what they foretell against two larger ones, and says what large ones
 * need.   --measured FILE   the JSON of an earlier run of it, in place of measuring   --json FILE
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { cpuSeconds } from '../support/proc.ts'
import { type Figure, type Fleet, fitModel, type Measured, predict, subscribers } from './model.ts'
import { connected, startPilothouse, steadily } from './servers.ts'
import { buildTools, load } from './tools.ts'

const { values } = parseArgs({ options: { measured: { type: 'string' }, json: { type: 'string' } } })

const all = (services: number, proxies: number): Fleet => ({
  services,
  endpoints: 10,
  proxies,
  scope: services,
})
const learnt = [all(100, 50), all(100, 200), all(300, 100), all(300, 300), all(600, 300)]
const checked = [all(500, 400), all(1000, 500)]
const asked: { readonly fleet: Fleet; readonly changesPerSecond: number }[] = [
  { fleet: { services: 1000, endpoints: 10, proxies: 1000, scope: 1000 }, changesPerSecond: 5 },
  { fleet: { services: 5000, endpoints: 10, proxies: 10_000, scope: 50 }, changesPerSecond: 25 },
  { fleet: { services: 10_000, endpoints: 10, proxies: 100_000, scope: 50 }, changesPerSecond: 50 },
]
/** Of one core of a Pilot's, so that a storm and a neighbour's fleet fit in. */
const SHARE = 0.5
/** Proxies of a Pilot at most: `maxStreams` of its limits. */
const STREAMS = 20_000

/** Changes of a fleet, the first half of which are not counted: V8 compiles meanwhile. */
const CHANGES = 300
/** Changes a second. */
const RATE = 8

async function measure(fleet: Fleet): Promise<Measured> {
  const server = await startPilothouse(tools, fleet, 'files')
  try {
    const run = load(tools, [
      ...['-addr', server.xds, '-pid', String(server.pid), '-mode', 'delta'],
      ...['-proxies', String(fleet.proxies), '-idle', '1s', '-settle', '1s', '-duration', '60s'],
    ])
    await connected(server, fleet.proxies)
    // All have all by then, and the idle sample is taken.
    await sleep(6000)
    const change = (i: number) => server.move(`10.99.${i >> 8}.${i & 255}`)
    await steadily(CHANGES / 2, RATE, change)
    const before = cpuSeconds(server.pid)
    await steadily(CHANGES / 2, RATE, (i) => change(CHANGES / 2 + i))
    const changeCpu = (cpuSeconds(server.pid) - before) / (CHANGES / 2)
    // Who has left meanwhile was told of nothing.
    await connected(server, fleet.proxies)
    const { initial_sync, idle_connected } = await run
    const measured = {
      fleet,
      syncCpu: initial_sync.server_cpu_seconds,
      rss: idle_connected.server_at_end.rss_mib,
      changeCpu,
    }
    console.log(`measured ${name(fleet)}: ${shown(measured)}`)
    return measured
  } finally {
    await server.stop()
  }
}

const name = ({ services, endpoints, proxies, scope }: Fleet) =>
  `${services}x${endpoints}x${proxies}${scope === services ? '' : `, each of ${scope} services`}`
const shown = (of: Readonly<Record<Figure, number>>) =>
  `sync CPU ${of.syncCpu.toFixed(2)} s, RSS ${of.rss.toFixed(0)} MiB, CPU a change ${(1000 * of.changeCpu).toFixed(1)} ms`
const foretold = (fleet: Fleet) => ({
  syncCpu: predict(model, 'syncCpu', fleet),
  rss: predict(model, 'rss', fleet),
  changeCpu: predict(model, 'changeCpu', fleet),
})

const tools = buildTools()
const measured: Measured[] = values.measured ? JSON.parse(readFileSync(values.measured, 'utf8')) : []
if (!values.measured) for (const fleet of [...learnt, ...checked]) measured.push(await measure(fleet))
if (values.json) writeFileSync(values.json, `${JSON.stringify(measured, null, 2)}\n`)
const model = fitModel(measured.slice(0, learnt.length))
for (const each of measured.slice(learnt.length)) {
  const told = foretold(each.fleet)
  const parts = (['syncCpu', 'rss', 'changeCpu'] as const).map((figure) =>
    (told[figure] / each[figure]).toFixed(2),
  )
  console.log(`foretold ${name(each.fleet)}: ${shown(told)}; by what was measured ${parts.join(', ')}`)
}
for (const { fleet, changesPerSecond } of asked) {
  const messages = changesPerSecond * subscribers(fleet)
  const one = predict(model, 'changeCpu', { ...fleet, proxies: 0 })
  const each = (predict(model, 'changeCpu', fleet) - one) / Math.max(1, subscribers(fleet))
  // Each Pilot sees every change, and tells its own part of the proxies.
  const own = SHARE - changesPerSecond * one
  if (own <= 0) {
    console.log(
      `a fleet of ${name(fleet)}: ${changesPerSecond} changes a second are too many for any number of Pilots`,
    )
    continue
  }
  const pilots = Math.max(Math.ceil((messages * each) / own), Math.ceil(fleet.proxies / STREAMS))
  const part = { ...fleet, proxies: Math.ceil(fleet.proxies / pilots) }
  console.log(
    `a fleet of ${name(fleet)}, ${changesPerSecond} changes a second: ${Math.round(messages)} messages a second; ` +
      `${pilots} Pilots of ${part.proxies} proxies, each ${predict(model, 'rss', part).toFixed(0)} MiB, ` +
      `${((messages / pilots) * each + changesPerSecond * one).toFixed(2)} cores, ` +
      `${predict(model, 'syncCpu', part).toFixed(0)} s of CPU when all of them come at once`,
  )
}
