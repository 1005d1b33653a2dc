/** HTTP filters by config_discovery (ECDS) over ADS: served while their listener warms, and changed under open connections. */
import assert from 'node:assert/strict'
import { Agent, get } from 'node:http'
import { after, test } from 'node:test'
import { bootstrap } from '#inject/bootstrap.ts'
import { withTtl } from '#xds/make-resource.ts'
import { TypedExtensionConfigSchema } from '#xds/proto/gen/envoy/config/core/v3/extension_pb.js'
import { ListenerSchema } from '#xds/proto/gen/envoy/config/listener/v3/listener_pb.js'
import type { Resource } from '#xds/resources.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { envoy, stat } from '../support/envoys.ts'
import { freePort } from '../support/ports.ts'
import { jsonResource, serve } from '../support/served.ts'

const house = cleanup()
after(() => house.end())

const ext = 'type.googleapis.com/envoy.extensions.filters'
/** Answers each request with this status. */
const fault = (httpStatus: number) => ({
  '@type': `${ext}.http.fault.v3.HTTPFault`,
  abort: { httpStatus, percentage: { numerator: 100 } },
})
const filter = (name: string, typedConfig: object): Resource =>
  jsonResource(TypedExtensionConfigSchema, name, { name, typedConfig })

/** A listener named after its filter, whose configuration it asks for. */
const listener = (name: string, port: number, discovery: object = {}): Resource => {
  const configDiscovery = {
    configSource: { ads: {}, resourceApiVersion: 'V3' },
    typeUrls: [`${ext}.http.fault.v3.HTTPFault`],
    ...discovery,
  }
  const manager = {
    '@type': `${ext}.network.http_connection_manager.v3.HttpConnectionManager`,
    statPrefix: name,
    routeConfig: {
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, directResponse: { status: 200 } }],
        },
      ],
    },
    httpFilters: [
      { name, configDiscovery },
      { name: 'router', typedConfig: { '@type': `${ext}.http.router.v3.Router` } },
    ],
  }
  return jsonResource(ListenerSchema, name, {
    name,
    address: { socketAddress: { address: '127.0.0.1', portValue: port } },
    filterChains: [{ filters: [{ name: 'manager', typedConfig: manager }] }],
  })
}

/** Requests over one connection that is kept open; the status, 0 if there is none. */
function requester(port: number): () => Promise<number> {
  const agent = house.add(new Agent({ keepAlive: true, maxSockets: 1 }), (each) => each.destroy())
  return () =>
    new Promise((resolve) => {
      const request = get({ host: '127.0.0.1', port, agent }, (response) => {
        response.resume().once('end', () => resolve(response.statusCode ?? 0))
      })
      request.once('error', () => resolve(0))
    })
}

for (const xdsApi of ['DELTA_GRPC', 'GRPC'] as const) {
  const start = async (port: number) => {
    const running = await envoy(
      house,
      bootstrap({ id: xdsApi, xds: `127.0.0.1:${port}`, xdsApi, adminPort: 0 }),
    )
    await running.ready()
    return running
  }

  test(`${xdsApi}: a filter is served, changed and taken away under an open connection`, async (t) => {
    const [port, inPort] = [await freePort(), await freePort()]
    const { source, nacks } = await serve(house, port, [listener('a', inPort), filter('a', fault(418))])
    // It is ready when its listeners are warm, and that waits for the filter.
    const running = await start(port)
    const ask = requester(inPort)
    assert.equal(await ask(), 418)

    source.update('*', filter('a', fault(451)))
    await until('the changed filter to answer', async () => (await ask()) === 451)

    // Of a type that the listener does not take.
    source.update('*', filter('a', { '@type': `${ext}.http.cors.v3.Cors` }))
    await until('a bad one to be refused', () => nacks.length > 0)
    assert.match(nacks[0]!, /ecds: .*Cors/)
    assert.equal(await ask(), 451)
    source.update('*', filter('a', fault(418)))
    await until('a good one to answer', async () => (await ask()) === 418)

    source.remove('*', typeUrls.extensionConfig, 'a')
    if (xdsApi === 'DELTA_GRPC') await until('it to be gone', async () => (await ask()) === 500)
    source.update('*', filter('a', fault(451)))
    await until('it to be back', async () => (await ask()) === 451)

    assert.equal(await stat(running, 'http.a.downstream_cx_total'), 1, 'one connection for all')
    assert.equal(await stat(running, 'listener_manager.listener_modified'), 0)
    assert.equal(await stat(running, 'listener_manager.total_listeners_draining'), 0)
    assert.equal(nacks.length, 1)
    t.diagnostic(nacks[0]!)
    await running.stop()
  })

  test(`${xdsApi}: a default answers without warming until the filter comes`, async () => {
    const [port, inPort] = [await freePort(), await freePort()]
    const withDefault = { defaultConfig: fault(418), applyDefaultConfigWithoutWarming: true }
    const { source } = await serve(house, port, [listener('a', inPort, withDefault)])
    const running = await start(port)
    const ask = requester(inPort)
    assert.equal(await ask(), 418)
    source.update('*', filter('a', fault(451)))
    await until('the filter to answer', async () => (await ask()) === 451)
    if (xdsApi === 'DELTA_GRPC') {
      source.remove('*', typeUrls.extensionConfig, 'a')
      await until('the default to answer', async () => (await ask()) === 418)
    }
    assert.equal(await stat(running, 'http.a.downstream_cx_total'), 1)
    await running.stop()
  })

  test(`${xdsApi}: a listener waits for its filter, and others don’t wait for it`, async () => {
    const [port, aPort, bPort] = [await freePort(), await freePort(), await freePort()]
    const { source } = await serve(house, port, [listener('b', bPort), filter('b', fault(418))])
    const running = await start(port)
    source.update(
      '*',
      listener('a', aPort, {
        configSource: { ads: {}, resourceApiVersion: 'V3', initialFetchTimeout: '0s' },
      }),
    )
    await until(
      'it to be warming',
      async () => (await stat(running, 'listener_manager.total_listeners_warming')) === 1,
    )
    const askB = requester(bPort)
    source.update('*', filter('b', fault(451)))
    await until('the other to be changed', async () => (await askB()) === 451)
    assert.equal(await stat(running, 'listener_manager.total_listeners_warming'), 1)
    source.update('*', filter('a', fault(410)))
    const askA = requester(aPort)
    await until('it to answer', async () => (await askA()) === 410)
    await running.stop()
  })
}

test('DELTA_GRPC: a filter with a TTL goes to its default when the server has gone', async () => {
  const [port, inPort] = [await freePort(), await freePort()]
  const discovery = { defaultConfig: fault(418) }
  const resources = [listener('a', inPort, discovery), withTtl(filter('a', fault(451)), 1000)]
  const server = await serve(house, port, resources)
  const running = await envoy(house, bootstrap({ id: 'ttl', xds: `127.0.0.1:${port}`, adminPort: 0 }))
  await running.ready()
  const ask = requester(inPort)
  assert.equal(await ask(), 451)
  await server.close()
  await until('the default to answer', async () => (await ask()) === 418)
  await serve(house, port, resources)
  await until('the filter to be back', async () => (await ask()) === 451, 20_000)
  await running.stop()
})
