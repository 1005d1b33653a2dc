/** A DNS server of a test's own, on UDP and TCP of one port, that says what the test wants, wrong things too. */
import { createSocket } from 'node:dgram'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  type DecodedPacket,
  decode,
  encode,
  type Packet,
} from 'dns-packet'
import type { Server } from '#registries/dns/transport.ts'

export interface Asked {
  readonly packet: DecodedPacket
  readonly over: 'udp' | 'tcp'
}
/** Messages sent back; none: silence. */
export type Handler = (asked: Asked) => readonly (Packet | Buffer)[]

export interface TestDnsServer {
  readonly server: Server
  readonly asked: readonly string[]
  handle: Handler
}

export async function dnsServer(t: TestContext, handle: Handler): Promise<TestDnsServer> {
  const asked: string[] = []
  const it = { handle }
  const answer = (query: Buffer, over: Asked['over']): Buffer[] => {
    const packet = decode(query)
    asked.push(`${over} ${packet.questions?.map(({ type, name }) => `${type} ${name}`).join()}`)
    return it
      .handle({ packet, over })
      .map((message) => (Buffer.isBuffer(message) ? message : encode(message)))
  }
  const tcp = createServer((socket: Socket) => {
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      for (const message of answer(chunk.subarray(2), 'tcp')) {
        const length = Buffer.alloc(2)
        length.writeUInt16BE(message.length)
        // In two parts, as a network may cut it.
        socket.write(Buffer.concat([length, message.subarray(0, 10)]))
        setImmediate(() => socket.write(message.subarray(10)))
      }
    })
  })
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve))
  const { port } = tcp.address() as AddressInfo
  const udp = createSocket('udp4')
  udp.on('message', (query, from) => {
    for (const message of answer(query, 'udp')) udp.send(message, from.port, from.address)
  })
  await new Promise<void>((resolve) => udp.bind(port, '127.0.0.1', resolve))
  t.after(() => {
    udp.close()
    tcp.close()
  })
  return Object.assign(it, { server: { address: '127.0.0.1', port }, asked })
}

export interface Reply {
  readonly rcode?: number
  readonly flags?: number
  readonly authorities?: Answer[]
  readonly additionals?: Answer[]
  readonly id?: number
  readonly questions?: Packet['questions']
}

export const reply = ({ packet }: Asked, answers: Answer[], rest: Reply = {}): Packet => ({
  type: 'response',
  id: rest.id ?? packet.id,
  flags: (rest.flags ?? AUTHORITATIVE_ANSWER) | (rest.rcode ?? 0),
  questions: rest.questions ?? packet.questions,
  answers,
  authorities: rest.authorities,
  additionals: rest.additionals,
})
