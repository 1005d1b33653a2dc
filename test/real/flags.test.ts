/** Each flag of `pilothouse serve` that needs no file, against its real server, as a new user tries it. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { cleanup, until } from '../support/cleanup.ts'
import {
  type ConsulServer,
  type KubernetesServer,
  startConsul,
  startDns,
  startEureka,
  startKubernetes,
  startNomad,
} from '../testbed/index.ts'
import { startRelay } from './dns/relay.ts'
import { put } from './kubernetes/objects.ts'
import { sleeper } from './nomad/jobs.ts'
import { type Tried, type Trying, tried } from './support/tried.ts'

const house = cleanup()
let consul: ConsulServer
let kubernetes: KubernetesServer
/** By flag. */
let urls: Readonly<Record<'consul' | 'nomad' | 'eureka', string>>
/** With it, the server of /etc/resolv.conf is the test's own. */
let resolving: readonly string[]

before(
  async () => {
    const [nomad, eureka, dns] = await Promise.all([
      startNomad().then((it) => house.add(it, () => it.stop())),
      startEureka().then((it) => house.add(it, () => it.stop())),
      startDns().then((it) => house.add(it, () => it.stop())),
      startConsul().then((it) => {
        consul = house.add(it, () => it.stop())
      }),
      startKubernetes().then((it) => {
        kubernetes = house.add(it, () => it.stop())
      }),
    ])
    urls = { consul: consul.url, nomad: nomad.url, eureka: eureka.url }
    const place = { Name: 'web', Address: '10.0.0.1', Port: 8080 }
    await consul.api('PUT', '/v1/agent/service/register', place)
    await nomad.runJob(sleeper('web', [{ name: 'web', address: '10.0.0.2', port: '8080' }]))
    await eureka.register({ app: 'web', address: '10.0.0.3', port: 8080 })
    await put(kubernetes, 'web', ['10.1.0.4'])
    await dns.update('web.test', 'A', 1, ['10.0.0.5'])
    // What a flag says of DNS has no place for a server: it is that of /etc/resolv.conf, at port 53.
    const address = `127.53.${Math.floor(Math.random() * 256)}.${1 + Math.floor(Math.random() * 254)}`
    house.add(await startRelay(dns, { address, port: 53 }), (it) => it.stop())
    const mount = `f=$(mktemp) && echo nameserver ${address} >$f && mount --bind $f /etc/resolv.conf && rm $f && exec "$@"`
    resolving = ['unshare', '--mount', 'sh', '-c', mount, '-']
  },
  { timeout: 240_000 },
)
after(() => house.end())

/** The Pilot ends with 0 when it is told to, whatever it had to do. */
async function serve(t: TestContext, flags: readonly string[], trying: Trying = {}): Promise<Tried> {
  const own = cleanup()
  t.after(() => own.end())
  return tried(own, flags, trying)
}
function dirOf(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'pilothouse-flags-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}
const endpoints = async (pilot: Tried, ...words: string[]) => {
  const all: readonly { service: string; address: string; targetPort: number; state: string }[] =
    await pilot.shows('endpoints', ...words)
  return all.map(({ service, address, targetPort, state }) => `${service} ${address}:${targetPort} ${state}`)
}

for (const [kind, wanted] of [
  ['consul', 'web.service.consul 10.0.0.1:8080 fresh'],
  ['nomad', 'web.default.nomad 10.0.0.2:8080 fresh'],
  ['eureka', 'web 10.0.0.3:8080 fresh'],
] as const)
  test(`serve --${kind} URL, and nothing else`, async (t) => {
    const pilot = await serve(t, [`--${kind}`, urls[kind]])
    assert.deepEqual(await endpoints(pilot), [wanted])
    assert.equal((await pilot.shows('services')).length, 1)
    assert.deepEqual((await known(pilot))[0], [kind, 'fresh', null])
    assert.equal(await pilot.stop(), 0, pilot.output())
  })

const known = async (pilot: Tried) => {
  const all: readonly { kind: string; state: string; error: unknown }[] = await pilot.shows('registries')
  return all.map(({ kind, state, error }) => [kind, state, error])
}

const WEB = 'web.default.svc.cluster.local 10.1.0.4:8080 fresh'
test('serve --kubernetes: by KUBECONFIG, by ~/.kube/config; --kubeconfig FILE', async (t) => {
  const byVariable = await serve(t, ['--kubernetes'], { env: { KUBECONFIG: kubernetes.kubeconfig } })
  assert.ok((await endpoints(byVariable)).includes(WEB))
  assert.equal(await byVariable.stop(), 0, byVariable.output())
  const kube = join(byVariable.directory, '.kube')
  await mkdir(kube)
  await cp(kubernetes.kubeconfig, join(kube, 'config'))
  const atHome = await serve(t, ['--kubernetes'], { env: { HOME: byVariable.directory } })
  assert.ok((await endpoints(atHome)).includes(WEB))
  const byFile = await serve(t, ['--kubeconfig', kubernetes.kubeconfig])
  assert.ok((await endpoints(byFile)).includes(WEB))
})

test('serve --dns NAME:PORT: by the server of /etc/resolv.conf', async (t) => {
  const pilot = await serve(t, ['--dns', 'web.test:8080'], { prefix: resolving })
  assert.deepEqual(await endpoints(pilot), ['web.test 10.0.0.5:8080 fresh'])
  assert.equal(await pilot.stop(), 0, pilot.output())
})

const entry = (name: string) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: shop }
spec:
  hosts: [${name}.example]
  resolution: STATIC
  ports: [{ number: 80, name: http, protocol: HTTP }]
  endpoints: [{ address: 10.2.0.1 }]
`

test('all of them at once, --files twice; logs as they are asked for', async (t) => {
  const directory = dirOf(t)
  const files = ['one', 'two'].map((name) => join(directory, name))
  for (const path of files) {
    await mkdir(path, { recursive: true })
    await writeFile(join(path, 'entry.yaml'), entry(path.endsWith('one') ? 'one' : 'two'))
  }
  const flags = [
    ...files.flatMap((path) => ['--files', path]),
    ...Object.entries(urls).flatMap(([kind, url]) => [`--${kind}`, url]),
    ...['--kubeconfig', kubernetes.kubeconfig, '--dns', 'web.test:8080'],
  ]
  const pilot = await serve(t, [...flags, '--log-level', 'info', '--log-format', 'json'], {
    prefix: resolving,
  })
  const hosts = (await pilot.shows('services')).map(({ hostname }: { hostname: string }) => hostname)
  for (const host of [
    ...['one.example', 'two.example', 'web', 'web.default.nomad', 'web.default.svc.cluster.local'],
    ...['web.service.consul', 'web.test'],
  ])
    assert.ok(hosts.includes(host), `${host} in ${hosts}`)
  for (const [kind, state, error] of await known(pilot))
    assert.deepEqual([kind, state, error], [kind, 'fresh', null])
  const pretty = await serve(t, ['--files', files[0]!, '--log-format', 'pretty', '--log-level', 'warn'])
  assert.equal(await pretty.stop(), 0)
  assert.equal(await pilot.stop(), 0)
  const lines = pilot.output().trim().split('\n')
  assert.ok(lines.map((line) => JSON.parse(line)).some(({ msg }) => msg === 'serving xDS'))
  assert.equal(pretty.output(), '')
})

test('--state-dir: what was known serves after a restart, while the registry is away', async (t) => {
  const state = join(dirOf(t), 'state')
  const flags = ['--consul', urls.consul, '--state-dir', state]
  const first = await serve(t, flags)
  await until('the snapshot on disk', async () => (await readdir(state)).length > 0)
  assert.equal(await first.stop(), 0, first.output())
  await consul.kill()
  t.after(() => consul.restart({ keepData: true }))
  const second = await serve(t, flags)
  assert.deepEqual(await endpoints(second), ['web.service.consul 10.0.0.1:8080 stale'])
})

test("without a flag: entries of a file, and each ecosystem's own variables", async (t) => {
  const file = join(dirOf(t), 'pilothouse.yaml')
  const kinds = ['consul', 'nomad', 'eureka', 'kubernetes']
  await writeFile(file, `registries: [${kinds.map((kind) => `{ kind: ${kind} }`).join(', ')}]\n`)
  const env = {
    CONSUL_HTTP_ADDR: urls.consul.replace('http://', ''),
    NOMAD_ADDR: urls.nomad,
    EUREKA_SERVICE_URL: urls.eureka,
    KUBECONFIG: kubernetes.kubeconfig,
  }
  const pilot = await serve(t, ['-c', file], { env })
  for (const wanted of [
    'web.service.consul 10.0.0.1:8080 fresh',
    'web.default.nomad 10.0.0.2:8080 fresh',
    'web 10.0.0.3:8080 fresh',
    WEB,
  ])
    await until(wanted, async () => (await endpoints(pilot)).includes(wanted))
})
