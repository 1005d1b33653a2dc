/** The contract suite against a real Consul, by way of a proxy that can be broken. */
import { after, before } from 'node:test'
import { asyncScheduler } from 'rxjs'
import type { ConsulClient } from '#registries/consul/answer.ts'
import { createConsulClient } from '#registries/consul/client.ts'
import { consulRegistry } from '#registries/consul/index.ts'
import { silentLogger } from '#support/logger.ts'
import { registryContract } from '../../contract/registry.ts'
import { consulSettings } from '../../registries/consul-settings.ts'
import { type ConsulServer, type FaultProxy, startConsul, startFaultProxy } from '../../testbed/index.ts'
import { catalog } from './catalog.ts'
import { timing } from './watch.ts'

let consul: ConsulServer
let proxy: FaultProxy
before(async () => {
  consul = await startConsul()
  proxy = await startFaultProxy(consul.url)
})
after(async () => {
  await proxy?.stop()
  await consul?.stop()
})

registryContract('consul', async () => {
  const { register, deregister, clear } = catalog(consul.api)
  await proxy.mode('pass')
  await clear()
  let open = 0
  const counted = (client: ConsulClient): ConsulClient => {
    open++
    return {
      get: (request) => {
        open++
        let counts = true
        const end = () => {
          if (counts) open--
          counts = false
        }
        request.signal.addEventListener('abort', end, { once: true })
        const answer = client.get(request)
        answer.then(end, end)
        return answer
      },
      close() {
        open--
        client.close()
      },
    }
  }
  const held = new Map<string, string>()
  return {
    registry: consulRegistry(consulSettings({ address: proxy.url }), {
      fetch,
      clock: asyncScheduler,
      log: silentLogger,
      timing,
      connect: (connection) => counted(createConsulClient(connection)),
    }),
    async set(services) {
      const wanted = new Map(
        services.flatMap(({ name, addresses }) =>
          addresses.map((address, i) => [`${name}-${i}`, { id: `${name}-${i}`, service: name, address }]),
        ),
      )
      for (const id of held.keys())
        if (!wanted.has(id)) {
          await deregister(id)
          held.delete(id)
        }
      for (const [id, instance] of wanted)
        if (held.get(id) !== instance.address) {
          await register(instance)
          held.set(id, instance.address)
        }
    },
    repeat: () => consul.api('PUT', '/v1/kv/other', 'x'),
    break: () => proxy.mode('cut'),
    heal: () => proxy.mode('pass'),
    open: () => open,
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  }
})
