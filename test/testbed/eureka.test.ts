/** Eureka as tests need it: leases that run out, overrides, peers, a password. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/cleanup.ts'
import { call, type EurekaServer, startEureka } from './index.ts'

const instances = async (eureka: EurekaServer): Promise<{ instanceId: string; status: string }[]> => {
  const { applications } = await eureka.api('GET', '/apps')
  return applications.application.flatMap((app: { instance: unknown[] }) => app.instance)
}

test('instances come, change and go; a restart forgets them', async (t) => {
  const eureka = await startEureka({ user: 'tester', password: 'a b:c' })
  t.after(() => eureka.stop())
  assert.equal((await call('GET', `${eureka.url}/apps`)).status, 401)
  const id = await eureka.register({ app: 'web', address: '10.0.0.1', port: 80, metadata: { zone: 'a' } })
  await eureka.register({ app: 'web', address: '10.0.0.2', port: 80 })
  await until('both are listed', async () => (await instances(eureka)).length === 2)
  assert.ok(await eureka.heartbeat('web', id))
  assert.equal(await eureka.heartbeat('web', 'unknown'), false)
  await eureka.override('web', id, 'OUT_OF_SERVICE')
  await until('the override is seen', async () =>
    (await instances(eureka)).some((each) => each.instanceId === id && each.status === 'OUT_OF_SERVICE'),
  )
  await eureka.override('web', id, undefined)
  // Not before, so that it can't run out before both were seen.
  await eureka.register({ app: 'web', address: '10.0.0.2', port: 80, leaseDuration: 1 })
  await until(
    'the lease that was not renewed is gone',
    async () => (await instances(eureka)).length === 1,
    20_000,
  )
  await eureka.cancel('web', id)
  await until('none is left', async () => (await instances(eureka)).length === 0)
  await eureka.register({ app: 'web', address: '10.0.0.1', port: 80 })
  eureka.pause()
  await assert.rejects(() => call('GET', eureka.url, { timeout: 300 }), /no answer within/)
  eureka.resume()
  await eureka.restart({ keepData: true })
  assert.deepEqual(await instances(eureka), [])
})

test('a peer gets what its peer knows', async (t) => {
  const one = await startEureka()
  t.after(() => one.stop())
  await one.register({ app: 'web', address: '10.0.0.1', port: 80 })
  await until('it is listed', async () => (await instances(one)).length === 1)
  const two = await startEureka({ peers: [one.url] })
  t.after(() => two.stop())
  await until('the peer lists it', async () => (await instances(two)).length === 1, 30_000)
})
