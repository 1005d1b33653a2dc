/** HTTP/2 pings from the server. */
import type { ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { XdsLimits } from '../limits.ts'

type Wire = Pick<Socket, 'bytesRead'> & { readonly _handle?: { readonly writeQueueSize: number } | null }

/**
 * Bytes that the system has yet to take, of one write at a time. Node tells it nowhere else: `bytesWritten` counts all
 * of a write, be it 12 MB, as soon as it begins.
 */
export const unsent = (wire: Wire): number => wire._handle?.writeQueueSize ?? 0

/**
 * Pings a connection: one that is half open has no other end. An answer waits behind all that a slow link has yet to
 * take, so whatever is read counts as life, as in grpc-go, and so does what is taken: a client with a large window says
 * nothing while it reads.
 */
export function keepAlive(
  session: Pick<ServerHttp2Session, 'destroyed' | 'destroy' | 'ping'>,
  wire: Wire,
  { keepaliveMs, keepaliveTimeoutMs }: Pick<XdsLimits, 'keepaliveMs' | 'keepaliveTimeoutMs'>,
): () => void {
  let unanswered: NodeJS.Timeout | undefined
  const expect = (): NodeJS.Timeout => {
    const before = { read: wire.bytesRead, unsent: unsent(wire) }
    return setTimeout(() => {
      if (wire.bytesRead === before.read && unsent(wire) === before.unsent) session.destroy()
      else unanswered = expect()
    }, keepaliveTimeoutMs).unref()
  }
  const timer = setInterval(() => {
    if (unanswered !== undefined || session.destroyed) return
    unanswered = expect()
    session.ping(() => {
      clearTimeout(unanswered)
      unanswered = undefined
    })
  }, keepaliveMs).unref()
  return () => {
    clearInterval(timer)
    clearTimeout(unanswered)
  }
}
