import { asyncScheduler } from 'rxjs'
import { nomadRegistry } from '#registries/nomad/index.ts'
import { silentLogger } from '#support/logger.ts'
import { registryContract } from '../contract/registry.ts'
import { fakeNomad } from './nomad-fake.ts'
import { nomadSettings } from './nomad-settings.ts'

for (const streams of [true, false])
  registryContract(streams ? 'nomad' : 'nomad without an event stream', () => {
    const nomad = fakeNomad()
    nomad.streamable(streams)
    return {
      registry: nomadRegistry(nomadSettings({ checks: false }), {
        fetch,
        clock: asyncScheduler,
        log: silentLogger,
        random: () => 0,
        connect: () => nomad.client,
      }),
      set: (services) =>
        nomad.register(
          services.flatMap(({ name, addresses }) => addresses.map((address) => ({ name, address }))),
        ),
      repeat: () => nomad.touch(),
      break: () => nomad.fault(nomad.unreachable),
      heal: () => nomad.fault(undefined),
      open: () => nomad.open(),
      pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    }
  })
