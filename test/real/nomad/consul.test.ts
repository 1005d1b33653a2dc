/** Services of one Nomad in two registries: its own, and the Consul that it registers in. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { cleanup, until } from '../../support/cleanup.ts'
import { type ConsulServer, type NomadServer, startConsul, startNomad } from '../../testbed/index.ts'
import { pilotOn } from '../support/pilot.ts'
import { sleeper } from './jobs.ts'
import { watch } from './watch.ts'

const house = cleanup()
let consul: ConsulServer
let nomad: NomadServer
before(async () => {
  consul = house.add(await startConsul(), (it) => it.stop())
  nomad = house.add(await startNomad({ consul }), (it) => it.stop())
  // A group has one provider.
  await nomad.runJob(
    sleeper('own', [
      { name: 'mine', address: '10.0.0.1', port: '8080' },
      { name: 'shared', address: '10.0.0.3', port: '8081' },
    ]),
  )
  await nomad.runJob(
    sleeper('foreign', [
      { name: 'theirs', address: '10.0.0.2', port: '8080', provider: 'consul' },
      { name: 'shared', address: '10.0.0.3', port: '8081', provider: 'consul' },
    ]),
  )
})
after(() => house.end())

test('what Nomad registers in Consul is not among its own', async (t) => {
  const w = watch(t, { address: nomad.url })
  await w.until('synced', () => w.services.size > 0)
  assert.deepEqual([...w.services.values()].map(({ hostname }) => hostname).sort(), [
    'mine.default.nomad',
    'shared.default.nomad',
  ])
})

test('a service that is registered in both counts once', async () => {
  const hostname = '{service}.example'
  const pilot = await pilotOn(house, [
    { kind: 'nomad', address: nomad.url, hostname, namespace: 'default' },
    { kind: 'consul', address: consul.url, hostname },
  ])
  // biome-ignore lint/suspicious/noExplicitAny: JSON
  const endpoints = async (): Promise<any[]> => pilot.rest('/debug/endpointz')
  const all = await until('all three', async () => {
    const found = await endpoints()
    return (
      ['mine', 'theirs', 'shared'].every((name) => found.some((e) => e.service === `${name}.example`)) &&
      found
    )
  })
  const at = (name: string) => all.filter((e) => e.service === `${name}.example`)
  assert.deepEqual(
    at('shared').map(({ address, targetPort }) => `${address}:${targetPort}`),
    ['10.0.0.3:8081'],
  )
  assert.deepEqual(
    at('mine').map(({ registry }) => registry.split('/')[0]),
    ['nomad'],
  )
  assert.deepEqual(
    at('theirs').map(({ registry }) => registry.split('/')[0]),
    ['consul'],
  )
  const { services } = await pilot.rest('/debug/registryz')
  // biome-ignore lint/suspicious/noExplicitAny: JSON
  const shared = services.find((each: any) => each.hostname === 'shared.example')
  assert.equal(shared.endpoints, 1)
  assert.equal(shared.registries.length, 2)
})
