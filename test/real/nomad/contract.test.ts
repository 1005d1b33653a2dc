/** The contract suite against a real Nomad, by way of a proxy that can be broken. */
import { after, before } from 'node:test'
import { asyncScheduler } from 'rxjs'
import { createNomadClient } from '#registries/nomad/client.ts'
import { nomadRegistry } from '#registries/nomad/index.ts'
import { silentLogger } from '#support/logger.ts'
import { registryContract } from '../../contract/registry.ts'
import { nomadSettings } from '../../registries/nomad-settings.ts'
import { type FaultProxy, type NomadServer, startFaultProxy, startNomad } from '../../testbed/index.ts'
import { type JobService, sleeper, submit } from './jobs.ts'
import { counting, timing } from './watch.ts'

let nomad: NomadServer
let proxy: FaultProxy
before(async () => {
  nomad = await startNomad()
  proxy = await startFaultProxy(nomad.url)
  await nomad.runJob(sleeper('contract', []))
})
after(async () => {
  await proxy?.stop()
  await nomad?.stop()
})

registryContract('nomad', async () => {
  await proxy.mode('pass')
  await submit(nomad, sleeper('contract', []))
  let counted: ReturnType<typeof counting> | undefined
  return {
    registry: nomadRegistry(nomadSettings({ address: proxy.url }), {
      fetch,
      clock: asyncScheduler,
      log: silentLogger,
      timing,
      connect: ({ connection }) => {
        counted = counting(createNomadClient(connection, 3000))
        return counted.client
      },
    }),
    set: (services) => {
      const all: JobService[] = services.flatMap(({ name, addresses }) =>
        addresses.map((address, i) => ({ name, address, port: String(8080 + i) })),
      )
      return submit(nomad, sleeper('contract', all))
    },
    repeat: async () => {
      await nomad.api('POST', '/v1/system/gc', undefined).catch(() => undefined)
    },
    break: () => proxy.mode('refuse'),
    heal: () => proxy.mode('pass'),
    open: () => counted?.open() ?? 0,
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  }
})
