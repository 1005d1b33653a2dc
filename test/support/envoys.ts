/** Real Envoys for tests; each is ended with the test that started it. */
import { ensureEnvoy } from '#src/demo/envoy.ts'
import { type EnvoyProcess, type EnvoyProcessOptions, startEnvoy } from '#src/demo/envoy-process.ts'
import type { Cleanup } from './cleanup.ts'

type Options = Partial<Omit<EnvoyProcessOptions, 'bootstrap'>>

/**
 * Starts an Envoy, admin on a free loopback port unless the bootstrap says otherwise. With PILOTHOUSE_TEST_LOGS set, its
 * log goes to the terminal when it ends.
 */
export async function envoy(house: Cleanup, bootstrap: object, options: Options = {}): Promise<EnvoyProcess> {
  const binary = options.binary ?? (await ensureEnvoy({ log: console.log }))
  const admin = { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } }
  const started = await startEnvoy({ ...options, binary, bootstrap: { admin, ...bootstrap } })
  return house.add(started, async (it) => {
    if (process.env.PILOTHOUSE_TEST_LOGS) console.log(`--- ${it.name}\n${await it.log()}`)
    await it.stop()
  })
}

/** A number from its `/stats`; undefined where there is none of that name. */
export async function stat(running: EnvoyProcess, name: string): Promise<number | undefined> {
  const { body } = await running.get(`/stats?filter=^${name.replaceAll('.', '%5C.').replaceAll('|', '%7C')}$`)
  const line = body.split('\n').find((each) => each.startsWith(`${name}: `))
  return line === undefined ? undefined : Number(line.slice(name.length + 2))
}
