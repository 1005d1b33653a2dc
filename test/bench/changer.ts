/**
 * The load client asks for a change by POST, of Pilothouse's input as of the peers' memory: what is measured starts no
 * process.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Changer {
  /** Flags of the load client. */
  readonly flags: readonly string[]
  stop(): void
}

/** `change` brings an address into the first endpoint of the first service; answered when it is done. */
export async function startChanger(change: (address: string) => unknown): Promise<Changer> {
  const server = createServer(async (request, response) => {
    try {
      await change(request.url!.slice(1))
    } catch (error) {
      response.statusCode = 500
      console.error(error)
    }
    response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    flags: ['-change-post', `${url}/10.99.0.{i}`, '-marker-prefix', '10.99.0.'],
    stop: () => void server.close(),
  }
}
