/** What the fault proxy does with one request. */
import { type Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { Transform } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import type { FaultMode, ProxiedAnswer, ProxiedRequest } from './fault-proxy-modes.ts'

export interface Exchange {
  readonly asked: ProxiedRequest
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly target: URL
  readonly agent: Agent
  /** Notes the status that the client gets. */
  readonly told: (status: number) => void
  /** Resets the client's connection. */
  readonly reset: () => void
  /** It fell into a black hole. */
  silent: boolean
}

type Headers = Readonly<Record<string, string | string[] | undefined>>

export function answer(exchange: Exchange, mode: FaultMode): void {
  if (mode === 'pass') forward(exchange)
  else if (mode === 'blackhole') {
    exchange.silent = true
    exchange.request.resume()
  } else if (mode === 'cut' || mode === 'refuse') exchange.reset()
  else if (mode === 'garbage') say(exchange, 200, { 'content-type': 'application/json' }, '<html>{"no": json')
  else if (mode === 'truncate') whole(exchange, (got) => half(exchange, got))
  else if ('status' in mode) say(exchange, mode.status, mode.headers ?? {}, mode.body ?? '')
  else if ('delay' in mode) {
    const timer = setTimeout(() => forward(exchange), mode.delay)
    exchange.response.once('close', () => clearTimeout(timer))
  } else if ('lines' in mode) {
    const { lines } = mode
    forward(
      exchange,
      lineByLine((line) => lines(exchange.asked, line)),
    )
  } else whole(exchange, (got) => rewritten(exchange, got, mode.rewrite))
}

function rewritten(
  exchange: Exchange,
  got: ProxiedAnswer,
  rewrite: (request: ProxiedRequest, answer: ProxiedAnswer) => Partial<ProxiedAnswer>,
): void {
  let changed = got
  try {
    changed = { ...got, ...rewrite(exchange.asked, got) }
  } catch (error) {
    // A mistake of the test: seen there, and no unhandled exception here.
    console.error('fault proxy: rewrite threw', error)
    changed = { status: 502, headers: {}, body: `rewrite threw: ${error}` }
  }
  say(exchange, changed.status, changed.headers, changed.body)
}

/** Passes the request on and the answer back, chunk by chunk as they come. */
export function forward(exchange: Exchange, through?: Transform): void {
  const { response, told } = exchange
  ask(exchange, through !== undefined, (got) => {
    const headers = endToEnd(got.headers)
    if (through) delete headers['content-length']
    told(got.statusCode!)
    response.writeHead(got.statusCode!, got.statusMessage, headers)
    response.flushHeaders()
    const out = through ? got.pipe(through) : got
    out.on('data', (chunk: Buffer | string) => {
      if (exchange.silent) return
      if (!response.write(chunk)) {
        out.pause()
        response.once('drain', () => out.resume())
      }
    })
    out.once('end', () => {
      if (!exchange.silent) response.end()
    })
  })
}

/** The answer whole, to be changed; uncompressed. */
function whole(exchange: Exchange, then: (answer: ProxiedAnswer) => void): void {
  ask(exchange, true, (got) => {
    const chunks: Buffer[] = []
    got.on('data', (chunk: Buffer) => chunks.push(chunk))
    got.once('end', () => {
      if (exchange.silent) return
      const { 'transfer-encoding': _, ...headers } = endToEnd(got.headers)
      then({ status: got.statusCode!, headers, body: Buffer.concat(chunks).toString() })
    })
  })
}

function ask(exchange: Exchange, uncompressed: boolean, then: (got: IncomingMessage) => void): void {
  const { asked, request, response, target, agent } = exchange
  const send = target.protocol === 'https:' ? httpsRequest : httpRequest
  const headers: Record<string, string | string[]> = { ...endToEnd(asked.headers), host: target.host }
  if (uncompressed) delete headers['accept-encoding']

  const onward = send({
    host: target.hostname,
    port: target.port,
    path: asked.path,
    method: asked.method,
    headers,
    agent,
  })
  // Where the target can't be reached or breaks off, the client sees the same: its connection is reset.
  const broken = () => {
    if (!exchange.silent && !response.writableEnded) exchange.reset()
  }
  onward.once('error', broken)
  onward.once('response', (got) => {
    got.once('error', broken)
    if (exchange.silent) got.resume()
    else then(got)
  })
  response.once('close', () => onward.destroy())
  request.pipe(onward)
}

function say(exchange: Exchange, status: number, headers: Headers, body: string): void {
  exchange.request.resume()
  exchange.told(status)
  exchange.response.writeHead(status, withLength(headers, Buffer.byteLength(body)))
  exchange.response.end(exchange.asked.method === 'HEAD' ? undefined : body)
}

function half(exchange: Exchange, got: ProxiedAnswer): void {
  const body = Buffer.from(got.body)
  exchange.told(got.status)
  exchange.response.writeHead(got.status, withLength(got.headers, body.length))
  exchange.response.write(body.subarray(0, body.length >> 1), () => exchange.request.socket.destroySoon())
}

function lineByLine(change: (line: string) => string | readonly string[] | undefined): Transform {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const lines = (rest + decoder.write(chunk)).split('\n')
      rest = lines.pop()!
      const changed = lines.flatMap((line) => change(line) ?? [])
      done(null, changed.map((line) => `${line}\n`).join('') || undefined)
    },
    flush(done) {
      done(null, rest || undefined)
    },
  })
}

/** Without what is of one connection only. */
function endToEnd(headers: Headers): Record<string, string | string[]> {
  const hop = new Set(['connection', 'keep-alive', 'proxy-connection'])
  const kept = Object.entries(headers).filter(([name, value]) => value !== undefined && !hop.has(name))
  return Object.fromEntries(kept) as Record<string, string | string[]>
}

const withLength = (headers: Headers, length: number) => ({
  ...endToEnd(headers),
  'content-length': String(length),
})
