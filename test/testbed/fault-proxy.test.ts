/** The fault proxy in each of its modes, before a small HTTP server. */
import assert from 'node:assert/strict'
import { createServer, get, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { until } from '../support/cleanup.ts'
import { call, type FaultProxy, startFaultProxy } from './index.ts'

const text = JSON.stringify({ items: ['one', 'two', 'three'] })

/** `/stream` writes a line whenever the test says so; `/echo` gives back what it got; all else gives `text`. */
async function target(t: TestContext) {
  const streams: ServerResponse[] = []
  const server = createServer(async (asked, answer) => {
    if (asked.url === '/stream') {
      answer.writeHead(200)
      answer.flushHeaders()
      streams.push(answer)
      return
    }
    let body = ''
    for await (const chunk of asked) body += chunk
    answer.setHeader('x-index', '7')
    answer.end(asked.url === '/echo' ? `${asked.method} ${body}` : text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const proxy = await startFaultProxy({ host: '127.0.0.1', port: (server.address() as AddressInfo).port })
  t.after(async () => {
    await proxy.stop()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { proxy, streams }
}

const fetchCode = (url: string) =>
  call('GET', url, { timeout: 5000 }).then(
    (answer) => String(answer.status),
    (error: NodeJS.ErrnoException) => error.code ?? error.message,
  )

/** An open stream, and what came on it. */
async function stream(proxy: FaultProxy) {
  const seen = { text: '', ended: '' }
  const answer = await new Promise<IncomingMessage>((resolve, reject) =>
    get(`${proxy.url}/stream`, { agent: false }, resolve).once('error', reject),
  )
  answer.on('data', (chunk) => {
    seen.text += chunk
  })
  answer.once('end', () => {
    seen.ended = 'end'
  })
  answer.once('error', (error: NodeJS.ErrnoException) => {
    seen.ended = error.code ?? error.message
  })
  return { seen, close: () => answer.destroy() }
}

test('pass: request and answer go through, and are logged', async (t) => {
  const { proxy } = await target(t)
  const answer = await call('PUT', `${proxy.url}/echo`, { body: 'hello', headers: { 'x-token': 'secret' } })
  assert.deepEqual([answer.status, answer.text, answer.headers['x-index']], [200, 'PUT hello', '7'])
  const [logged] = proxy.log
  assert.deepEqual(
    [logged?.method, logged?.path, logged?.status, logged?.headers['x-token']],
    ['PUT', '/echo', 200, 'secret'],
  )
  assert.equal(proxy.requests(), 1)
  assert.equal(
    proxy.requests((each) => each.method === 'GET'),
    0,
  )
  proxy.forget()
  assert.equal(proxy.requests(), 0)
})

test('pass: a stream flows through chunk by chunk, and its end and its cut are seen', async (t) => {
  const { proxy, streams } = await target(t)
  const one = await stream(proxy)
  streams[0]!.write('a\n')
  await until('the first chunk came', () => one.seen.text === 'a\n')
  streams[0]!.write('b\n')
  await until('the second chunk came', () => one.seen.text === 'a\nb\n')
  streams[0]!.end()
  await until('the end came', () => one.seen.ended === 'end')
  const two = await stream(proxy)
  streams[1]!.destroy()
  await until('the cut came', () => two.seen.ended === 'ECONNRESET')
  const three = await stream(proxy)
  assert.equal(proxy.connections(), 1)
  three.close()
  await until('the target sees that the client left', () => streams[2]!.destroyed)
  await until('no connection is left', () => proxy.connections() === 0)
})

test('refuse: nobody listens, open streams are reset; the same port after', async (t) => {
  const { proxy } = await target(t)
  const open = await stream(proxy)
  await proxy.mode('refuse')
  await until('the stream is reset', () => open.seen.ended === 'ECONNRESET')
  assert.equal(await fetchCode(proxy.url), 'ECONNREFUSED')
  await assert.rejects(() => proxy.mode('refuse', () => true), TypeError)
  await proxy.mode('pass')
  assert.equal(await fetchCode(proxy.url), '200')
})

test('cut: reset on accept; limited to some requests, the others pass', async (t) => {
  const { proxy } = await target(t)
  const open = await stream(proxy)
  await proxy.mode('cut')
  await until('the stream is reset', () => open.seen.ended === 'ECONNRESET')
  assert.equal(await fetchCode(proxy.url), 'ECONNRESET')
  await proxy.mode('cut', (asked) => asked.path === '/bad')
  assert.deepEqual(
    [await fetchCode(`${proxy.url}/bad`), await fetchCode(`${proxy.url}/good`)],
    ['ECONNRESET', '200'],
  )
  await proxy.mode('pass')
  const again = await stream(proxy)
  proxy.cut()
  await until('cut() resets what is open', () => again.seen.ended === 'ECONNRESET')
  assert.equal(await fetchCode(proxy.url), '200')
})

test('blackhole: accepts and never answers, open streams go silent, for ever', async (t) => {
  const { proxy, streams } = await target(t)
  const open = await stream(proxy)
  await proxy.mode('blackhole')
  streams[0]!.write('lost\n')
  let answered = false
  const asked = request(proxy.url, { agent: false }, () => {
    answered = true
  })
  asked.once('error', () => undefined).end()
  await until('the request has come', () => proxy.requests() === 2)
  await proxy.mode('pass')
  assert.equal(await fetchCode(proxy.url), '200')
  streams[0]!.write('lost as well\n')
  assert.equal(await fetchCode(proxy.url), '200')
  assert.deepEqual([answered, open.seen.text, open.seen.ended], [false, '', ''])
  proxy.cut()
  await until('the silent stream is reset', () => open.seen.ended === 'ECONNRESET')
})

test('a status, garbage, half a body, a delay', async (t) => {
  const { proxy } = await target(t)
  await proxy.mode(
    { status: 429, body: 'slowly', headers: { 'retry-after': '3' } },
    (it) => it.path !== '/ok',
  )
  const answer = await call('GET', `${proxy.url}/x`)
  assert.deepEqual([answer.status, answer.text, answer.headers['retry-after']], [429, 'slowly', '3'])
  assert.equal(await fetchCode(`${proxy.url}/ok`), '200')
  await proxy.mode('garbage')
  const garbage = await call('GET', proxy.url)
  assert.equal(garbage.status, 200)
  assert.throws(() => JSON.parse(garbage.text))
  await proxy.mode('truncate')
  const half = await new Promise<{ length: string; text: string; error: string }>((resolve) =>
    get(proxy.url, { agent: false }, (got) => {
      let read = ''
      got.on('data', (chunk) => {
        read += chunk
      })
      got.once('error', (error) =>
        resolve({ length: got.headers['content-length']!, text: read, error: error.message }),
      )
    }),
  )
  assert.deepEqual(half, {
    length: `${text.length}`,
    text: text.slice(0, text.length >> 1),
    error: 'aborted',
  })
  await proxy.mode({ delay: 50 })
  const started = performance.now()
  assert.equal(await fetchCode(proxy.url), '200')
  assert.ok(performance.now() - started >= 49)
})

test('rewrite: a whole answer; lines: a stream as it comes', async (t) => {
  const { proxy, streams } = await target(t)
  await proxy.mode({
    rewrite: (asked, answer) => ({
      body: answer.body.replace('"two",', ''),
      headers: { ...answer.headers, 'x-index': asked.path === '/back' ? '3' : undefined },
    }),
  })
  const answer = await call('GET', `${proxy.url}/back`, { headers: { 'accept-encoding': 'gzip' } })
  assert.deepEqual([answer.text, answer.headers['x-index']], ['{"items":["one","three"]}', '3'])
  assert.equal((await call('GET', proxy.url)).headers['x-index'], undefined)
  await proxy.mode({
    lines: (_, line) => (line === 'drop' ? undefined : line === 'twice' ? [line, line] : `>${line}`),
  })
  const open = await stream(proxy)
  streams[0]!.write('drop\ntwi')
  streams[0]!.write('ce\nthird\n')
  await until('the lines came', () => open.seen.text === 'twice\ntwice\n>third\n')
})

test('a target that is away is a reset connection', async (t) => {
  const gone = await startFaultProxy({ host: '127.0.0.1', port: 1 })
  t.after(() => gone.stop())
  assert.equal(await fetchCode(gone.url), 'ECONNRESET')
})
