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

/**
 * Messages are put together in this one, for all streams: 500 acknowledgements of 38 kB at once would be as many buffers
 * outside of V8's heap, and a full collection for each change.
 */
const joined = Buffer.allocUnsafeSlow(256 * 1024)

export interface MessageReader {
  /** Messages that are whole by now, in order; their bytes stay until the next chunk of any stream. Throws MessageError. */
  read(chunk: Buffer): readonly Buffer[]
  /** A message has begun and not ended. */
  waits(): boolean
}

export function messageReader(maxBytes: number, inflate: Inflate): MessageReader {
  let rest: Buffer[] = []
  let size = 0
  /** Bytes without which nothing more can be read. */
  let wanted = HEAD

  function read(chunk: Buffer): readonly Buffer[] {
    rest.push(chunk)
    size += chunk.length
    if (size < wanted) return []
    const data = rest.length === 1 ? chunk : join(rest, size)
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
    rest = at === data.length ? [] : [own(data.subarray(at))]
    size = data.length - at
    return messages
  }

  return { read, waits: () => size > 0 }

  function own(tail: Buffer): Buffer {
    return tail.buffer === joined.buffer ? Buffer.from(tail) : tail
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

function join(chunks: readonly Buffer[], size: number): Buffer {
  if (size > joined.length) return Buffer.concat(chunks, size)
  let at = 0
  for (const chunk of chunks) at += chunk.copy(joined, at)
  return joined.subarray(0, size)
}
