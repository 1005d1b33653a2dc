/** HTTP/2 frames by hand, for clients that no library would be. RFC 9113, RFC 7541. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { adsSotw } from './client.ts'

export const HEADERS = 1
export const RST_STREAM = 3
export const SETTINGS = 4
export const PING = 6
export const END_STREAM = 1
export const END_HEADERS = 4

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

export const opening = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(SETTINGS, 0, 0)])
export const reset = (stream: number): Buffer => frame(RST_STREAM, 0, stream, Buffer.from([0, 0, 0, 8]))

/** The headers of a gRPC call, never indexed and without Huffman codes. */
export function call(stream: number, path = adsSotw, more: Readonly<Record<string, string>> = {}): Buffer {
  const fields = {
    ...{ ':method': 'POST', ':scheme': 'http', ':path': path, ':authority': 'pilot' },
    ...{ 'content-type': 'application/grpc', te: 'trailers', ...more },
  }
  const parts = Object.entries(fields).flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)])
  return frame(HEADERS, END_HEADERS, stream, Buffer.concat(parts))
}

/** Up to 253 bytes. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  const length = bytes.length < 127 ? [bytes.length] : [127, bytes.length - 127]
  return Buffer.concat([Buffer.from(length), bytes])
}

/** A connection; what comes is dropped. Resolves when it is there. */
export function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.resume()
  return new Promise((resolve) => socket.once('connect', () => resolve(socket)))
}

/** Resolves when all that was written has been read at the other end: its ping is answered, or the connection is over. */
export function read(socket: Socket): Promise<void> {
  const answer = frame(PING, 1, 0, Buffer.from('is read?'))
  let seen = Buffer.alloc(0)
  return new Promise((resolve) => {
    socket.on('close', () => resolve())
    socket.on('data', (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk])
      if (seen.includes(answer)) resolve()
    })
    if (socket.destroyed) resolve()
    socket.write(frame(PING, 0, 0, Buffer.from('is read?')))
  })
}

/** Resolves when the other end has closed it, too. */
export async function closed(socket: Socket): Promise<void> {
  if (socket.closed) return
  socket.end()
  await once(socket, 'close')
}
