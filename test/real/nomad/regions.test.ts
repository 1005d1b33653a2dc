/** Two regions that know each other: each is read by way of either's agent. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { cleanup, until } from '../../support/cleanup.ts'
import { type NomadServer, startNomad } from '../../testbed/index.ts'
import { sleeper, submit } from './jobs.ts'
import { watch } from './watch.ts'

const house = cleanup()
let east: NomadServer
let west: NomadServer
before(
  async () => {
    east = house.add(await startNomad({ region: 'east' }), (it) => it.stop())
    west = house.add(await startNomad({ region: 'west' }), (it) => it.stop())
    const { Members } = await west.api('GET', '/v1/agent/members')
    await east.api('PUT', `/v1/agent/join?address=127.0.0.1:${Members[0].Port}`)
    await until(
      'they know each other',
      async () => (await east.api('GET', '/v1/regions')).length === 2,
      30_000,
    )
    await east.runJob(sleeper('orders', [{ name: 'orders', address: '10.0.0.1' }]))
    await west.runJob(sleeper('orders', [{ name: 'orders', address: '10.0.0.2' }]))
  },
  { timeout: 120_000 },
)
after(() => house.end())

test('the agent’s own region, and another by its name', async (t) => {
  const own = watch(t, { address: east.url })
  const other = watch(t, { address: east.url, region: 'west' }, { wait: 500 })
  await own.until('synced', () => own.addresses('orders') === '10.0.0.1')
  await other.until('synced', () => other.addresses('orders') === '10.0.0.2')
  assert.equal(own.service('orders')!.endpoints[0]!.locality?.region, 'east')
  assert.equal(other.service('orders')!.endpoints[0]!.locality?.region, 'west')
  other.guard({ orders: 1 })
  await submit(west, sleeper('orders', [{ name: 'orders', address: '10.0.0.3' }]))
  await other.until('a change there', () => other.addresses('orders') === '10.0.0.3')
  // What it runs outlives it, and is stopped in good order by it alone.
  t.after(() => west.restart({ keepData: true }))
  await west.kill()
  await other.until('trouble', () => other.trouble())
  assert.equal(other.addresses('orders'), '10.0.0.3')
  assert.equal(own.trouble(), undefined, 'a region that is away is no trouble of another')
  assert.deepEqual(other.lows(), [])
})
