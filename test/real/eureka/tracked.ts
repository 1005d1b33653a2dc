/**
 * A real Eureka server of which the test knows what is registered: its own answers may be older, since its cache keeps
 * one that was made while something changed.
 */
import { until } from '../../support/cleanup.ts'
import {
  type EurekaInstance,
  type EurekaOptions,
  type EurekaServer,
  startEureka,
} from '../../testbed/index.ts'

export interface TrackedEureka extends EurekaServer {
  /** Exactly these, registered anew, also in what it answers. */
  holds(...instances: readonly EurekaInstance[]): Promise<void>
  /** The same, but what is registered already stays as it is. */
  becomes(...instances: readonly EurekaInstance[]): Promise<void>
}

export async function startTracked(options: EurekaOptions = {}): Promise<TrackedEureka> {
  // The answer that its cache keeps too long is gone after a second, not after 180.
  const properties = { 'eureka.server.response-cache-auto-expiration-in-seconds': 1, ...options.properties }
  const server = await startEureka({ ...options, properties })
  const registered = new Set<string>()
  const { register, cancel, api, restart } = server
  const drop = async (keys: readonly string[]) => {
    for (const key of keys) {
      const [app, id] = key.split('/') as [string, string]
      registered.delete(key)
      // Its lease may have ended.
      await cancel(app, id).catch(() => undefined)
    }
  }
  const own = {
    ...server,
    async register(instance: EurekaInstance) {
      const id = await register(instance)
      registered.add(`${instance.app.toUpperCase()}/${id}`)
      return id
    },
    async cancel(app: string, id: string) {
      registered.delete(`${app.toUpperCase()}/${id}`)
      await cancel(app, id)
    },
    async restart(how: { readonly keepData: boolean }) {
      registered.clear()
      await restart(how)
    },
    async holds(...instances: readonly EurekaInstance[]) {
      await drop([...registered])
      await own.becomes(...instances)
    },
    async becomes(...instances: readonly EurekaInstance[]) {
      const wanted = new Map(instances.map((instance) => [keyOf(instance), instance]))
      await drop([...registered].filter((key) => !wanted.has(key)))
      for (const [key, instance] of wanted) if (!registered.has(key)) await own.register(instance)
      await until('its answers have it', async () => {
        const { applications } = await api('GET', '/apps')
        type Application = {
          readonly name: string
          readonly instance: readonly { readonly instanceId: string }[]
        }
        const keys = (applications.application as Application[]).flatMap(({ name, instance }) =>
          instance.map(({ instanceId }) => `${name}/${instanceId}`),
        )
        return keys.sort().join() === [...registered].sort().join()
      })
    },
  }
  return Object.defineProperties(own, {
    pid: { get: () => server.pid },
  }) as TrackedEureka
}

const keyOf = ({ app, address, port }: EurekaInstance) => `${app.toUpperCase()}/${address}:${app}:${port}`
