/** Free TCP ports. */
import { createServer } from 'node:net'

/** A port free on `address` just now; below the kernel's ephemeral range, so that no outgoing connection takes it. */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    if (await isFree(address, port)) return port
  }
  throw new Error(`no free port on ${address}`)
}

function isFree(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
