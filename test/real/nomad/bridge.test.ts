/** Allocations in bridge networking: where each service is told to be, and that it answers there. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { Endpoint } from '#model/service.ts'
import { until } from '../../support/cleanup.ts'
import { binary, enterOwnNetwork, type NomadServer, ownAddress, startNomad } from '../../testbed/index.ts'
import { allocationOf, httpCheck, type JobOptions, type JobService, sleeper } from './jobs.ts'
import { type Watched, watch } from './watch.ts'

await enterOwnNetwork(() => Promise.all([binary('nomad'), binary('cni'), binary('iptables')]))

let nomad: NomadServer
before(async () => {
  nomad = await startNomad({ bridge: true })
})
after(() => nomad?.stop())

/** Answers with its allocation's id on each port of its network; 503 from POST /ill on, until POST /well. */
const SERVER = `
  let status = 200
  const answer = ({ method, url }, response) => {
    if (method === 'POST') status = url === '/ill' ? 503 : 200
    response.writeHead(status, { connection: 'close' }).end(process.env.NOMAD_ALLOC_ID)
  }
  for (const [name, port] of Object.entries(process.env))
    if (name.startsWith('NOMAD_PORT_')) require('node:http').createServer(answer).listen(Number(port))`

const server = (id: string, services: readonly JobService[], options: JobOptions = {}) =>
  sleeper(id, services, {
    ...{ mode: 'bridge', ports: ['http', 'same'], to: { http: 8080 } },
    command: [process.execPath, '-e', SERVER],
    ...options,
  })
const submit = (job: object) => nomad.api('POST', '/v1/jobs', { Job: job })
const stop = (id: string) => nomad.stopJob(id)
const follow = (t: Parameters<typeof watch>[0]) => watch(t, { address: nomad.url, checkInterval: '1s' })

const at = (address: string, port: number | undefined) =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
const whereOf = ({ address, ports }: Endpoint) => at(address, Object.values(ports)[0])
const where = (w: Watched, name: string) => w.service(name)?.endpoints.map(whereOf) ?? []
const first = (w: Watched, name: string) => where(w, name)[0]!

/** A request as a sidecar would send it: the allocation that answers. */
async function ask(place: string, method = 'GET', path = '/'): Promise<string> {
  const answer = await fetch(`http://${place}${path}`, { method, signal: AbortSignal.timeout(1000) })
  return answer.text()
}
/** Its task may be starting, and an IPv6 address is not used in its first second. */
const answers = (place: string, allocation: string) =>
  until(`${allocation} answers at ${place}`, async () => (await ask(place)) === allocation)

/** What Nomad's own record of an allocation says of its network. */
async function networkOf(allocation: string) {
  const { NetworkStatus, AllocatedResources } = await until('the client has told the network', async () => {
    const it = await nomad.api('GET', `/v1/allocation/${allocation}`)
    return it.NetworkStatus?.Address && it
  })
  const outside: Record<string, number> = {}
  for (const { Label, Value } of AllocatedResources.Shared.Ports) outside[Label] = Value
  return { inner: NetworkStatus.Address, inner6: NetworkStatus.AddressIPv6, outside }
}

const ALL: readonly JobService[] = [
  { name: 'auto', port: 'http' },
  { name: 'host', port: 'http', mode: 'host' },
  { name: 'alloc', port: 'http', mode: 'alloc' },
  { name: 'six', port: 'http', mode: 'alloc_ipv6' },
  { name: 'same', port: 'same', mode: 'alloc' },
  { name: 'number', port: '8080', mode: 'alloc' },
  { name: 'literal', port: 'http', address: '192.0.2.1' },
  { name: 'nowhere', port: '8080' },
]

suite('Nomad with bridge networking', () => {
  test('each mode of address, with ports by label and by number: told as Nomad has it, and who is told answers', async (t) => {
    const w = follow(t)
    await nomad.runJob(server('modes', ALL))
    t.after(() => stop('modes'))
    await w.until('all', () => w.services.size === ALL.length - 1 && w.warnings.length > 0)
    const id = await allocationOf(nomad, 'modes')
    const { inner, inner6, outside } = await networkOf(id)
    assert.match(inner, /^172\.26\./)
    const told = Object.fromEntries(
      ALL.flatMap(({ name }) => (w.service(name) ? [[name, where(w, name)]] : [])),
    )
    assert.deepEqual(told, {
      auto: [at(ownAddress, outside.http)],
      host: [at(ownAddress, outside.http)],
      alloc: [at(inner, 8080)],
      six: [at(inner6, 8080)],
      same: [at(inner, outside.same)],
      number: [at(inner, 8080)],
      literal: [at('192.0.2.1', outside.http)],
    })
    assert.deepEqual(
      w.warnings.map((text) => /service (\S+) has a port but no address/.exec(text)?.[1]),
      ['default/nowhere'],
    )
    const { literal: _, ...reachable } = told
    for (const [place] of Object.values(reachable)) await answers(place!, id)
    for (const { endpoints } of w.services.values()) assert.equal(endpoints[0]!.workload, id)
  })

  test('two allocations: two addresses with one port, or one address with two; a replaced one goes away', async (t) => {
    const w = follow(t)
    const pair = server('pair', [ALL[0]!, ALL[2]!], { count: 2 })
    await nomad.runJob(pair)
    t.after(() => stop('pair'))
    const both = (name: string) => new Set(where(w, name)).size === 2
    await w.until('both', () => both('auto') && both('alloc'))
    const [auto, alloc] = [w.service('auto')!, w.service('alloc')!]
    assert.deepEqual(new Set(auto.endpoints.map(({ address }) => address)), new Set([ownAddress]))
    assert.equal(new Set(alloc.endpoints.map(({ address }) => address)).size, 2)
    assert.equal(auto.ports[0]!.port, 80)
    assert.equal(alloc.ports[0]!.port, 8080)
    for (const endpoint of [...auto.endpoints, ...alloc.endpoints])
      await answers(whereOf(endpoint), endpoint.workload)
    const [stopped, other] = alloc.endpoints.map(({ workload }) => workload)
    const workloads = (name: string) => w.service(name)?.endpoints.map(({ workload }) => workload) ?? []
    w.guard({ alloc: 1, auto: 1 })
    await nomad.api('POST', `/v1/allocation/${stopped}/stop`)
    for (const name of ['alloc', 'auto'])
      await w.until('replaced', () => both(name) && !workloads(name).includes(stopped!))
    assert.ok(workloads('alloc').includes(other!))
    await w.until('healthy', () => w.health('alloc') === 'HEALTHY HEALTHY')
    for (const endpoint of w.service('alloc')!.endpoints) await answers(whereOf(endpoint), endpoint.workload)
    assert.deepEqual(w.lows(), [])
  })

  test('a check of Nomad through the bridge decides on health', async (t) => {
    const w = follow(t)
    await submit(server('checked', [{ name: 'checked', port: 'http', mode: 'alloc', checks: [httpCheck] }]))
    t.after(() => stop('checked'))
    await w.until('healthy', () => w.health('checked') === 'HEALTHY')
    const place = first(w, 'checked')
    await ask(place, 'POST', '/ill')
    await w.until('unhealthy', () => w.health('checked') === 'UNHEALTHY')
    assert.equal(first(w, 'checked'), place)
    await ask(place, 'POST', '/well')
    await w.until('healthy again', () => w.health('checked') === 'HEALTHY')
  })

  test('a job that is changed: in place to another mode, then to another port with a new allocation', async (t) => {
    const w = follow(t)
    await nomad.runJob(server('changing', [{ name: 'changing', port: 'http' }]))
    t.after(() => stop('changing'))
    await w.until('by the host', () => first(w, 'changing')?.startsWith(ownAddress))
    const id = await allocationOf(nomad, 'changing')
    const { inner } = await networkOf(id)
    const byAlloc: JobService = { name: 'changing', port: 'http', mode: 'alloc' }
    await submit(server('changing', [byAlloc]))
    await w.until('by the allocation', () => first(w, 'changing') === at(inner, 8080))
    assert.equal(w.service('changing')!.endpoints[0]!.workload, id)
    await submit(server('changing', [byAlloc], { to: { http: 8081 } }))
    await w.until('the new one alone', () => {
      const endpoints = w.service('changing')?.endpoints
      return endpoints?.length === 1 && endpoints[0]!.workload !== id
    })
    const { address, workload } = w.service('changing')!.endpoints[0]!
    assert.equal(first(w, 'changing'), at((await networkOf(workload)).inner, 8081))
    assert.notEqual(address, inner)
    await answers(first(w, 'changing'), workload)
  })

  test('a job that is stopped is gone within a second', async (t) => {
    const w = follow(t)
    await nomad.runJob(server('brief', [ALL[0]!, ALL[2]!]))
    t.after(() => stop('brief'))
    await w.until('both', () => first(w, 'auto') && first(w, 'alloc'))
    const stopped = performance.now()
    await nomad.api('DELETE', '/v1/job/brief?purge=false')
    await w.until('gone', () => w.services.size === 0, 1000)
    assert.ok(w.heardAt() - stopped < 1000, `${w.heardAt() - stopped} ms`)
    t.diagnostic(`${Math.round(w.heardAt() - stopped)} ms`)
  })

  test('a node that is drained: its allocation goes, and comes back at another address', async (t) => {
    const w = follow(t)
    await nomad.runJob(server('moving', [ALL[0]!, ALL[2]!]))
    t.after(() => stop('moving'))
    await w.until('both', () => first(w, 'auto') && first(w, 'alloc'))
    const before = first(w, 'alloc')
    const [node] = await nomad.api('GET', '/v1/nodes')
    const drain = (spec: object | null) =>
      nomad.api('POST', `/v1/node/${node.ID}/drain`, { DrainSpec: spec, MarkEligible: spec === null })
    t.after(() => drain(null))
    await drain({ Deadline: -1, IgnoreSystemJobs: false })
    await w.until('gone', () => w.services.size === 0)
    await drain(null)
    await w.until('back', () => w.health('alloc') === 'HEALTHY')
    assert.notEqual(first(w, 'alloc'), before)
    await answers(first(w, 'alloc'), w.service('alloc')!.endpoints[0]!.workload)
  })
})
