/** A way to a DNS server that a test can spoil: UDP and TCP of one port. */
import { createSocket } from 'node:dgram'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Server } from '#registries/dns/transport.ts'

export type Fault =
  | 'pass'
  /** Answers of noise. */
  | 'garbage'
  /** Messages that end in the middle. */
  | 'half'
  /** Nothing comes back. */
  | 'silent'
  /** UDP passes; TCP connections are reset. */
  | 'cut'

export interface Relay {
  readonly server: Server
  fault: Fault
  /** Questions that came so far. */
  asked(): number
  stop(): Promise<void>
}

/** `at`: where it listens; port 0 is any. */
export async function startRelay(
  target: Server,
  at: Server = { address: '127.0.0.1', port: 0 },
): Promise<Relay> {
  const relay = { fault: 'pass' as Fault }
  const sockets = new Set<Socket>()
  let asked = 0
  const tcp = createServer((client) => {
    sockets.add(client)
    client.on('close', () => sockets.delete(client)).on('error', () => {})
    if (relay.fault !== 'pass') return client.resetAndDestroy()
    const upstream = connect(target.port, target.address)
    upstream.on('error', () => client.destroy())
    return client.pipe(upstream).pipe(client)
  })
  await new Promise<void>((resolve) => tcp.listen(at.port, at.address, resolve))
  const { port } = tcp.address() as AddressInfo
  const udp = createSocket('udp4')
  udp.on('message', (query, from) => {
    asked++
    if (relay.fault === 'silent') return
    const upstream = createSocket('udp4')
    const close = () => upstream.close()
    const patience = setTimeout(close, 500)
    upstream.on('error', () => {})
    upstream.on('message', (answer) => {
      clearTimeout(patience)
      close()
      udp.send(spoiled(relay.fault, answer), from.port, from.address)
    })
    upstream.send(query, target.port, target.address)
  })
  await new Promise<void>((resolve) => udp.bind(port, at.address, resolve))
  return Object.assign(relay, {
    server: { address: at.address, port },
    asked: () => asked,
    async stop() {
      for (const socket of sockets) socket.destroy()
      await Promise.all([
        new Promise<void>((resolve) => udp.close(resolve)),
        new Promise<void>((resolve) => tcp.close(() => resolve())),
      ])
    },
  })
}

function spoiled(fault: Fault, answer: Buffer): Buffer {
  if (fault === 'garbage') return Buffer.from('this is no answer of a DNS server')
  return fault === 'half' ? answer.subarray(0, answer.length - 12) : answer
}
