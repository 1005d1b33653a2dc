/** One request in each protocol, to a service's own address or by the explicit outbound proxy. */
import { type ClientRequest, request as httpRequest, type RequestOptions } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { WebSocket } from 'ws'

export interface Place {
  readonly host: string
  readonly port: number
}
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}
export interface HttpCall {
  /** Where the TCP connection goes. */
  readonly to: Place
  /** The Host header; default the address itself. */
  readonly host?: string
  readonly path?: string
  /** Sends `GET http://host/path`, as a client with http_proxy does. */
  readonly absolute?: boolean
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeout?: number
}

const defaultTimeout = 5000

export function http1(call: HttpCall): Promise<Answer> {
  const host = call.host ?? `${call.to.host}:${call.to.port}`
  const path = call.path ?? '/'
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      ...call.to,
      agent: false,
      method: call.method ?? 'GET',
      path: call.absolute ? `http://${host}${path}` : path,
      headers: { ...call.headers, host },
      signal: AbortSignal.timeout(call.timeout ?? defaultTimeout),
    })
    request.on('error', reject)
    request.on('response', (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (body += chunk))
      response.on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers as never, body }),
      )
    })
    request.end(call.body)
  })
}

/** HTTP/2 without TLS, by prior knowledge. */
export function http2(call: HttpCall): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`http://${call.to.host}:${call.to.port}`)
    const fail = (error: Error) => {
      session.destroy()
      reject(error)
    }
    session.on('error', fail)
    const stream = session.request({
      ':method': call.method ?? 'GET',
      ':path': call.path ?? '/',
      ':authority': call.host ?? `${call.to.host}:${call.to.port}`,
      ...call.headers,
    })
    stream.setTimeout(call.timeout ?? defaultTimeout, () => fail(new Error('timeout')))
    let headers: Record<string, string> = {}
    let body = ''
    stream.setEncoding('utf8')
    stream.on('response', (received) => (headers = received as never))
    stream.on('data', (chunk: string) => (body += chunk))
    stream.on('error', fail)
    stream.on('end', () => {
      session.close()
      resolve({ status: Number(headers[':status']), headers, body })
    })
    stream.end(call.body)
  })
}

/** Opens, sends `text`, gives the first answer. */
export function webSocket(call: HttpCall, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const host = call.host ?? `${call.to.host}:${call.to.port}`
    const socket = new WebSocket(`ws://${call.to.host}:${call.to.port}${call.path ?? '/'}`, {
      headers: { host },
      handshakeTimeout: call.timeout ?? defaultTimeout,
    })
    socket.on('error', reject)
    socket.on('open', () => socket.send(text))
    socket.on('message', (data) => {
      resolve(String(data))
      socket.close()
    })
  })
}

/** A TCP connection to `to`, or through it by CONNECT to `through` (`host:port`). */
export async function tcpSocket(to: Place, through?: string): Promise<Socket> {
  if (!through) {
    const socket = connect(to)
    await once(socket, 'connect')
    return socket
  }
  const options: RequestOptions = { ...to, method: 'CONNECT', path: through, headers: { host: through } }
  const request: ClientRequest = httpRequest({ ...options, agent: false })
  return new Promise((resolve, reject) => {
    request.setTimeout(defaultTimeout, () => request.destroy(new Error('timeout')))
    request.on('error', reject)
    request.on('connect', (response, socket: Socket, head) => {
      socket.setTimeout(0)
      if (response.statusCode !== 200) {
        socket.destroy()
        return reject(new Error(`CONNECT ${through}: ${response.statusCode}`))
      }
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    request.on('response', (response) => {
      response.resume()
      reject(new Error(`CONNECT ${through}: ${response.statusCode}`))
    })
    request.end()
  })
}

/** Sends `text`, gives the first bytes that come; with an empty text it only listens (the server speaks first). */
export async function tcpEcho(to: Place, text: string, through?: string): Promise<string> {
  const socket = await tcpSocket(to, through)
  return exchange(socket, text)
}

/** TLS with `servername` as SNI; the server's certificate is not checked. */
export async function tlsEcho(
  to: Place,
  servername: string,
  text: string,
  through?: string,
): Promise<string> {
  const socket = await tcpSocket(to, through)
  const secure = connectTls({ socket, servername, rejectUnauthorized: false })
  await once(secure, 'secureConnect')
  return exchange(secure, text)
}

async function exchange(socket: Socket, text: string): Promise<string> {
  try {
    if (text) socket.write(text)
    return String(await once(socket, 'data'))
  } finally {
    socket.destroy()
  }
}

/** The first `event`; the connection's end or five seconds of silence is an error. */
function once(socket: Socket, event: 'connect' | 'secureConnect' | 'data'): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (error?: Error) => {
      clearTimeout(timer)
      socket.destroy()
      reject(error ?? new Error(`connection closed before ${event}`))
    }
    const timer = setTimeout(() => fail(new Error(`no ${event} within ${defaultTimeout} ms`)), defaultTimeout)
    socket.once('error', fail)
    socket.once('close', () => fail())
    socket.once(event, (value: unknown) => {
      clearTimeout(timer)
      socket.removeListener('error', fail)
      resolve(value)
    })
  })
}
