/**
 * Messages of a gRPC stream from chunks of bytes, and their frame.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md (Length-Prefixed-Message)
 */

/** What ends a stream, for its client. */
export class MessageError extends Error {
  readonly kind: 'too large' | 'compressed'
  constructor(kind: MessageError['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

/** Bytes before each message: whether it is compressed, and its length. */
export const HEAD = 5

export function writeHead(target: Buffer, length: number): void {
  target[0] = 0
  target.writeUInt32BE(length, 1)
}

/** Undefined: the stream has said no encoding. Throws for what it can't read. */
export type Inflate = ((message: Buffer, maxBytes: number) => Buffer) | undefined

/** Messages that are whole by now, in order. Throws MessageError. */
export function messageReader(maxBytes: number, inflate: Inflate): (chunk: Buffer) => readonly Buffer[] {
  let rest: Buffer[] = []
  let size = 0
  /** Bytes without which nothing more can be read. */
  let wanted = HEAD

  return (chunk) => {
    rest.push(chunk)
    size += chunk.length
    if (size < wanted) return []
    const data = rest.length === 1 ? chunk : Buffer.concat(rest, size)
    const messages: Buffer[] = []
    let at = 0
    wanted = HEAD
    while (data.length - at >= HEAD) {
      const length = data.readUInt32BE(at + 1)
      if (length > maxBytes)
        throw new MessageError('too large', `a message of ${length} bytes; ${maxBytes} at most`)
      wanted = HEAD + length
      if (data.length - at < wanted) break
      const message = data.subarray(at + HEAD, at + wanted)
      messages.push(data[at] === 0 ? message : inflated(message))
      at += wanted
      wanted = HEAD
    }
    rest = at === data.length ? [] : [data.subarray(at)]
    size = data.length - at
    return messages
  }

  function inflated(message: Buffer): Buffer {
    if (inflate === undefined) throw new MessageError('compressed', 'a compressed message without encoding')
    try {
      return inflate(message, maxBytes)
    } catch (error) {
      throw new MessageError('compressed', `a message that can't be inflated: ${(error as Error).message}`)
    }
  }
}
