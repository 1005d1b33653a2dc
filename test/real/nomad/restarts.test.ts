/** A server that is lost and comes back, while the client that runs the allocations is another machine's. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type NomadServer, startNomad } from '../../testbed/index.ts'
import { type JobService, sleeper, submit } from './jobs.ts'
import { type Watched, watch } from './watch.ts'

let server: NomadServer
let worker: NomadServer
before(async () => {
  server = await startNomad()
  const { Members } = await server.api('GET', '/v1/agent/members')
  // A client in one process with its server may come before it at a start: its allocations then fail.
  worker = await startNomad({
    config: {
      server: { enabled: false },
      client: {
        enabled: true,
        network_interface: 'lo',
        servers: [`127.0.0.1:${Members[0].Tags.port}`],
        options: { 'fingerprint.denylist': 'env_aws,env_gce,env_azure,env_digitalocean,vault,consul' },
      },
    },
  })
  await server.runJob(job(...BASE))
})
after(async () => {
  await worker?.stop()
  await server?.stop()
})

const job = (...services: JobService[]) => sleeper('shared', services, { node: `nomad-${worker.port}` })
const BASE: readonly JobService[] = [
  { name: 'orders', address: '10.0.0.1', port: '8081' },
  { name: 'orders', address: '10.0.0.2', port: '8082' },
]
const BOTH = '10.0.0.1 10.0.0.2'
const fulls = (w: Watched) => w.updates.filter(({ kind }) => kind === 'full').length

test('killed and started again with its data: endpoints stay, no new history', async (t) => {
  const w = watch(t, { address: server.url })
  await w.until('synced', () => w.addresses('orders') === BOTH)
  w.guard({ orders: 2 })
  await server.kill()
  await w.until('trouble', () => w.trouble()?.error.code === 'PH3001')
  await server.restart({ keepData: true })
  await w.until('back', () => !w.trouble() && w.addresses('orders') === BOTH)
  await submit(server, job(...BASE, { name: 'orders', address: '10.0.0.3', port: '8083' }))
  await w.until('the third', () => w.addresses('orders') === `${BOTH} 10.0.0.3`)
  assert.deepEqual(w.lows(), [])
  assert.equal(fulls(w), 1)
})

test('a client that is lost takes its registrations with it, by Nomad’s own word; what it runs comes back', async (t) => {
  const w = watch(t, { address: server.url })
  await w.until('synced', () => w.addresses('orders')?.startsWith(BOTH))
  worker.pause()
  t.after(() => worker.resume())
  // Nomad gives a client 10 s and a grace of 10 s more.
  await w.until('gone', () => !w.service('orders'), 60_000)
  worker.resume()
  await w.until('back', () => w.addresses('orders')?.startsWith(BOTH), 60_000)
  assert.equal(fulls(w), 1)
  assert.equal(w.trouble(), undefined)
})
