/** HTTP/2 pings from the server. */
import type { ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { XdsLimits } from '../limits.ts'

/**
 * Pings a connection: one that is half open has no other end. An answer waits behind all that a slow link has yet to
 * take, so whatever is read counts as life, as in grpc-go.
 */
export function keepAlive(
  session: Pick<ServerHttp2Session, 'destroyed' | 'destroy' | 'ping'>,
  socket: Pick<Socket, 'bytesRead'>,
  { keepaliveMs, keepaliveTimeoutMs }: Pick<XdsLimits, 'keepaliveMs' | 'keepaliveTimeoutMs'>,
): () => void {
  let unanswered: NodeJS.Timeout | undefined
  const expect = (): NodeJS.Timeout => {
    const before = socket.bytesRead
    return setTimeout(() => {
      if (socket.bytesRead === before) session.destroy()
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
