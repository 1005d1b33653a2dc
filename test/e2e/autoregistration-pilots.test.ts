/** VMs that register themselves with one of several Pilots: all know them, and a Pilot may die without a failed request. */
import assert from 'node:assert/strict'
import { connect, createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { bootstrap } from '#inject/bootstrap.ts'
import {
  type ConfiguredPilot,
  configuredPilot,
  type Folder,
  folder,
  freePorts,
  loopback,
  type PilotPorts,
  type Sidecar,
  sidecarOf,
} from '../deploy/configured.ts'
import { startApp } from '../support/apps.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { http1 } from '../support/clients.ts'
import { envoy } from '../support/envoys.ts'
import { serviceEntry, testNamespace } from '../support/istio.ts'
import { freePort } from '../support/ports.ts'
import { describe, startLoad } from '../support/traffic.ts'

const house = cleanup()
const ip = loopback()
const host = 'orders.test.mesh'
const gracePeriod = 2_000
let files: Folder
let ports: PilotPorts[]
let pilots: ConfiguredPilot[]
let client: Sidecar

before(async () => {
  const app = house.add(await startApp({ kind: 'http', name: 'orders' }), (each) => each.stop())
  files = await folder(house)
  const port = { number: 80, name: 'http', protocol: 'HTTP' }
  await files.put('mesh/orders', serviceEntry({ host, ports: [port], selector: { app: 'orders' } }), {
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadGroup',
    metadata: { name: 'orders', namespace: testNamespace },
    spec: { metadata: { labels: { app: 'orders' } }, template: { ports: { http: app.port } } },
  })
  await files.settings({
    registries: [
      { kind: 'file', path: 'mesh' },
      { kind: 'autoregistration', gracePeriod: `${gracePeriod}ms`, shared: 'shared' },
    ],
    config: [{ kind: 'files', path: 'mesh' }],
  })
  ports = [await freePorts(), await freePorts()]
  pilots = await Promise.all(ports.map((each) => configuredPilot(house, files.settingsFile, each)))
  // The client's Pilot is the second: it knows the VM from the first only.
  client = await sidecarOf(house, { name: 'client', ip: ip(1), pilots: [ports[1]!] })
})
after(() => house.end())

/** As `pilothouse bootstrap --auto-register-group orders` writes it. */
async function vm(n: number, of: readonly PilotPorts[]) {
  const plain = bootstrap({
    ...{ id: `vm-${n}`, namespace: testNamespace, ip: ip(n), mode: 'explicit', adminPort: 0 },
    ...{ autoRegisterGroup: 'orders', outbound: `${ip(n)}:${await freePort(ip(n))}` },
    xds: of.map(({ xdsPort }) => `127.0.0.1:${xdsPort}`),
  })
  const running = await envoy(house, plain, { name: `vm-${n}` })
  await running.ready()
  return running
}
const endpoints = async (pilot: ConfiguredPilot): Promise<readonly string[]> =>
  (await pilot.rest(`/debug/endpointz?service=${host}`)).map(({ address }: { address: string }) => address)
const streams = async (pilot: ConfiguredPilot): Promise<number> =>
  (await pilot.rest('/debug/connections')).totalClients

test('known at a Pilot that it is not connected to, and forgotten there when it leaves', {
  timeout: 90_000,
}, async () => {
  const [first, second] = pilots as [ConfiguredPilot, ConfiguredPilot]
  const sidecar = await vm(2, [ports[0]!])
  await until('the second Pilot to know it', async () => (await endpoints(second)).includes(ip(2)))
  await until('an answer', async () => (await http1({ to: client.outbound, host })).status === 200)
  await sidecar.kill()
  await until(
    'it to be gone at both',
    async () => [...(await endpoints(first)), ...(await endpoints(second))].length === 0,
  )
})

/** Opens later: until then nobody listens there. */
async function door(to: PilotPorts) {
  const xdsPort = await freePort()
  const open = () => {
    const server = createServer((socket) => {
      const onward = connect(to.xdsPort, '127.0.0.1')
      for (const [one, other] of [
        [socket, onward],
        [onward, socket],
      ] as const)
        one.on('error', () => other.destroy()).on('close', () => other.destroy())
      socket.pipe(onward).pipe(socket)
    })
    server.listen(xdsPort, '127.0.0.1')
    house.add(server, (it) => it.close())
  }
  return { ports: { ...to, xdsPort }, open }
}

test('its Pilot is killed: it moves to the other, and no request fails', { timeout: 120_000 }, async (t) => {
  const [first, second] = pilots as [ConfiguredPilot, ConfiguredPilot]
  const other = await door(ports[1]!)
  await vm(3, [ports[0]!, other.ports])
  assert.equal(await streams(first), 1)
  await until('an answer', async () => (await http1({ to: client.outbound, host })).status === 200)
  const before = await streams(second)
  const load = startLoad({ to: client.outbound, host, inFlight: 4 })
  t.after(() => load.stop())
  let away = false
  const watch = setInterval(async () => {
    if (!(await endpoints(second)).includes(ip(3))) away = true
  }, 50)
  t.after(() => clearInterval(watch))
  first.child.kill('SIGKILL')
  other.open()
  await until('the VM at the second Pilot', async () => (await streams(second)) > before, 60_000)
  const back = await configuredPilot(house, files.settingsFile, ports[0]!)
  await until('the first to know it again', async () => (await endpoints(back)).includes(ip(3)))
  const counts = await load.stop()
  clearInterval(watch)
  t.diagnostic(describe(counts))
  assert.ok(counts.ok > 50)
  assert.equal(counts.failed, 0, describe(counts))
  assert.equal(away, false)
})
