/** gRPC methods that are not xDS streams are served by grpc-js: their streams are passed on over a connection in memory. */
import { connect, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { duplexPair } from 'node:stream'
import { type Server, ServerCredentials } from '@grpc/grpc-js'

export interface Passage {
  forward(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void
  close(): void
}

/** HTTP/2, 6.9: END_STREAM. */
const END_STREAM = 1

export function passageTo(server: Server): Passage {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
  const open = () => {
    const [near, far] = duplexPair()
    injector.injectConnection(far)
    const session = connect('http://localhost', { createConnection: () => near })
    session.on('error', () => session.destroy())
    session.unref()
    return session
  }
  let session: ReturnType<typeof open> | undefined

  function forward(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    if (session === undefined || session.destroyed || session.closed) session = open()
    const onward = session.request(headers, { endStream: false })
    let trailers: IncomingHttpHeaders = {}
    const end = () => {
      if (!stream.destroyed) stream.close()
      if (!onward.destroyed) onward.close()
    }
    for (const each of [stream, onward]) each.on('error', end).once('aborted', end)
    stream.once('close', () => onward.close())
    onward.once('response', (answer, flags) => {
      if (stream.destroyed || stream.closed) return
      const endStream = (flags & END_STREAM) !== 0
      stream.respond(answer, { endStream, waitForTrailers: !endStream })
      if (!endStream) onward.pipe(stream)
    })
    onward.once('trailers', (received) => {
      trailers = received
    })
    stream.once('wantTrailers', () => stream.sendTrailers(trailers))
    stream.pipe(onward)
  }

  return {
    forward,
    close() {
      session?.destroy()
      injector.destroy()
    },
  }
}
