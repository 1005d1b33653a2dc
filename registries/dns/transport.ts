/** One question, one answer: over UDP, and over TCP where the answer does not fit. Sockets live as long as one exchange. */
import { createSocket } from 'node:dgram'
import { createConnection } from 'node:net'

export interface Server {
  /** IPv4 or IPv6, which may have a zone (`fe80::1%eth0`). */
  readonly address: string
  readonly port: number
}

export const shownServer = ({ address, port }: Server): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`

export interface Exchange<T> {
  readonly server: Server
  readonly query: Buffer
  /** Ms. */
  readonly timeout: number
  readonly signal: AbortSignal
  /** Undefined: not the answer to this query. Over UDP anybody may send such; waiting goes on. */
  readonly read: (message: Buffer) => T | undefined
}

/** Nothing that fits came in time; `garbage` says that something else did. */
export class TimeoutError extends Error {
  readonly garbage: boolean
  constructor(garbage: boolean) {
    super(garbage ? 'it answers, but what it sends is no answer to the question' : 'no answer in time')
    this.garbage = garbage
  }
}

/**
 * The system picks a random source port for each question, and the socket takes messages of this server only: with the
 * random id, that is what makes forging an answer hard (RFC 5452).
 */
export const overUdp = <T>({ server, query, timeout, signal, read }: Exchange<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const socket = createSocket(server.address.includes(':') ? 'udp6' : 'udp4')
    let garbage = false
    let over = false
    // Its listeners stay: without its own, a socket that is still being opened never closes.
    const end = (settle: () => void): void => {
      if (over) return
      over = true
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      socket.close()
      settle()
    }
    const onAbort = (): void => end(() => reject(signal.reason as Error))
    const timer = setTimeout(() => end(() => reject(new TimeoutError(garbage))), timeout)
    signal.addEventListener('abort', onAbort, { once: true })
    socket.on('error', (error) => end(() => reject(error)))
    socket.on('message', (message) => {
      const answer = over ? undefined : read(message)
      if (answer === undefined) garbage = true
      else end(() => resolve(answer))
    })
    socket.connect(server.port, server.address, () => {
      if (over) return
      socket.send(query, (error) => {
        if (error) end(() => reject(error))
      })
    })
  })

/** RFC 1035 4.2.2, RFC 7766: each message with its length before it. */
export const overTcp = <T>({ server, query, timeout, signal, read }: Exchange<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const socket = createConnection({ host: server.address, port: server.port })
    let received: Buffer = Buffer.alloc(0)
    let over = false
    const end = (settle: () => void): void => {
      if (over) return
      over = true
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      settle()
    }
    const onAbort = (): void => end(() => reject(signal.reason as Error))
    const timer = setTimeout(() => end(() => reject(new TimeoutError(false))), timeout)
    signal.addEventListener('abort', onAbort, { once: true })
    socket.on('error', (error) => end(() => reject(error)))
    socket.on('end', () => end(() => reject(new Error('the connection ended in the middle of the answer'))))
    socket.on('connect', () => socket.write(withLength(query)))
    socket.on('data', (chunk: Buffer) => {
      if (over) return
      received = Buffer.concat([received, chunk])
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return
      const answer = read(received.subarray(2, 2 + received.readUInt16BE(0)))
      if (answer === undefined) end(() => reject(new TimeoutError(true)))
      else end(() => resolve(answer))
    })
  })

function withLength(message: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  return Buffer.concat([length, message])
}
