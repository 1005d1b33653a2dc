/** Settings read again on SIGHUP, under load through a real Envoy: streams stay, only what differs is pushed, nothing fails. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  type ConfiguredPilot,
  configuredPilot,
  type Folder,
  folder,
  freePorts,
  loopback,
  type Sidecar,
  sidecarOf,
} from '../deploy/configured.ts'
import { startApp } from '../support/apps.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { http1 } from '../support/clients.ts'
import { serviceEntry } from '../support/istio.ts'
import { describe, startLoad } from '../support/traffic.ts'

const house = cleanup()
const ip = loopback()
let files: Folder
let pilot: ConfiguredPilot
let client: Sidecar

const settings = (directories: readonly string[], more: object = {}) => ({
  registries: directories.map((path) => ({ kind: 'file', path, name: path })),
  ...more,
})

before(async () => {
  files = await folder(house)
  for (const name of ['a', 'b', 'c']) {
    const app = house.add(await startApp({ kind: 'http', name }), (it) => it.stop())
    const endpoints = [{ address: '127.0.0.1', ports: { http: app.port } }]
    await files.put(
      `${name}/service`,
      serviceEntry({
        host: `${name}.test.mesh`,
        ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
        endpoints,
      }),
    )
  }
  await files.settings(settings(['a']))
  pilot = await configuredPilot(house, files.settingsFile, await freePorts())
  client = await sidecarOf(house, { name: 'client', ip: ip(1), pilots: [pilot] })
  await until('the first request', () => answers('a'))
})
after(() => house.end())

const answers = async (name: string): Promise<boolean> =>
  (await http1({ to: client.outbound, host: `${name}.test.mesh` })).status === 200

/** Those of the settings: WorkloadGroups of their directories are served, too. */
const registries = async (): Promise<string[]> =>
  (await pilot.rest('/debug/registryz')).registries
    .map(({ name }: { name: string }) => name)
    .filter((name: string) => name !== 'autoregistration')
    .sort()

/** Of the one proxy: its stream, and what it was sent so far. */
async function stream(): Promise<{ id: string; messages: number }> {
  const { clients } = await pilot.rest('/debug/connections')
  const [only, ...others] = clients
  assert.equal(others.length, 0)
  return { id: only.connectionId, messages: only.messagesSent }
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${pilot.adminPort}/metrics`)).text()
  return Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
}

async function reload(wanted: object | string): Promise<void> {
  await files.settings(wanted)
  pilot.child.kill('SIGHUP')
}

test('a registry added, another removed: the stream stays, and only what differs is pushed', async () => {
  const before = await stream()
  const clusters = await metric('pilothouse_xds_resources_total{type="cds"}')
  await reload(settings(['a', 'b']))
  await until('the registry that was added', () => answers('b'))
  assert.deepEqual(await registries(), ['file/a', 'file/b'])
  assert.equal((await stream()).id, before.id)
  assert.equal(await metric('pilothouse_xds_resources_total{type="cds"}'), clusters + 1)

  await reload(settings(['b', 'c']))
  await until('the next one', () => answers('c'))
  await until('the first to be gone', async () => !(await registries()).includes('file/a'))
  assert.equal((await stream()).id, before.id)
  assert.ok(await answers('b'))
  await reload(settings(['a']))
  await until('the first again', () => answers('a'))
})

test('broken settings: those before stay in force, and REST says what is wrong', async () => {
  const before = await stream()
  const said = await registries()
  await reload('registries: [{ kind: fiel, path: a }]\nxsd: {}\n')
  const issues = () =>
    pilot.rest('/debug/push_status').then((status) => JSON.stringify(status.issues ?? status))
  await until('the refusal', async () => /PH1403.*PH1401|PH1401.*PH1403/.test(await issues()))
  assert.deepEqual(await registries(), said)
  assert.deepEqual(await stream(), before)
  assert.match(pilot.output(), /settings refused: those before stay in force/)
  await reload(settings(['a'], { startupGrace: '20s' }))
  await until('the issues to be gone', async () => !(await issues()).includes('PH1403'))
  assert.deepEqual(await stream(), before, 'nothing that the proxy sees has changed, so it was sent nothing')
})

test('what takes a restart is named, and what does not is in force', async () => {
  await reload(settings(['a', 'c'], { stateDir: 'elsewhere', mesh: { trustDomain: 'other.test' } }))
  await until('the rest of it', () => answers('c'))
  assert.match(pilot.output(), /until a restart: stateDir, mesh\.trustDomain/)
})

test('20 reloads under load: no request fails and no stream breaks', async (t) => {
  await reload(settings(['a']))
  await until('a clean start', async () => (await registries()).length === 1)
  const before = await stream()
  const load = startLoad({
    to: client.outbound,
    host: 'a.test.mesh',
    path: '/?delay=5',
    inFlight: 8,
    pause: 1,
  })
  for (let round = 0; round < 20; round++) {
    const others = [[], ['b'], ['b', 'c'], ['c']][round % 4]!
    // The order is precedence, so it changes too; each fifth is broken.
    const wanted = round % 2 ? ['a', ...others] : [...others, 'a']
    if (round % 5 === 4) await reload('registries: [{ kind: file }]')
    await reload(settings(wanted, { failover: round % 3 ? [] : ['b.test.mesh'] }))
    await until(
      `reload ${round}`,
      async () =>
        (await registries()).join() ===
        [...wanted]
          .map((n) => `file/${n}`)
          .sort()
          .join(),
    )
    for (const name of wanted) await until(`${name} in round ${round}`, () => answers(name))
  }
  const counts = await load.stop()
  t.diagnostic(describe(counts))
  assert.equal(counts.failed, 0, describe(counts))
  assert.ok(counts.ok > 100)
  assert.equal((await stream()).id, before.id)
})
