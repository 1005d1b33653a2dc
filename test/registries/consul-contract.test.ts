import { asyncScheduler } from 'rxjs'
import { consulRegistry } from '#registries/consul/index.ts'
import { silentLogger } from '#support/logger.ts'
import { registryContract } from '../contract/registry.ts'
import { fakeConsul, lost } from './consul-fake.ts'
import { consulSettings, quick } from './consul-settings.ts'

registryContract('consul', () => {
  const consul = fakeConsul()
  consul.node('server', '127.0.0.1')
  return {
    registry: consulRegistry(consulSettings(), {
      fetch,
      clock: asyncScheduler,
      log: silentLogger,
      connect: consul.connect,
      timing: quick,
    }),
    set(services) {
      const wanted = new Map(
        services.flatMap(({ name, addresses }) =>
          addresses.map((address, i) => [
            `${name}-${i}`,
            { id: `${name}-${i}`, service: name, node: 'n1', address },
          ]),
        ),
      )
      for (const { id, address } of consul.instances())
        if (wanted.get(id)?.address === address) wanted.delete(id)
        else if (!wanted.has(id)) consul.deregister(id)
      for (const instance of wanted.values()) consul.register(instance)
    },
    repeat: () => consul.write(),
    break: () => consul.fault(() => lost()),
    heal: () => consul.fault(undefined),
    open: consul.open,
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  }
})
