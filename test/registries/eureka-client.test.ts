/** Requests: what the package behind them would do otherwise, and what servers do to them. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { asyncScheduler } from 'rxjs'
import { type ClientOptions, eurekaClient, type Reply } from '#registries/eureka/client.ts'
import type { EurekaServer } from '#registries/eureka/service-urls.ts'
import { connectionError } from '#registries/trouble.ts'
import { testCertificate } from '../support/apps.ts'

async function listen(t: TestContext, answer: RequestListener, tls = false): Promise<string> {
  const server = tls ? createTlsServer(testCertificate, answer) : createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}/eureka`
}

/** The replies to one request each. */
function ask(
  t: TestContext,
  server: EurekaServer,
  more: Partial<ClientOptions> = {},
  paths: readonly string[] = ['/apps'],
): Promise<readonly Reply[]> {
  return new Promise((resolve) => {
    const client = eurekaClient({
      clock: asyncScheduler,
      timeout: 2000,
      async poll(get) {
        const replies: Reply[] = []
        for (const path of paths) replies.push(await get(server, path))
        resolve(replies)
        return { wait: 3_600_000, tell() {} }
      },
      ...more,
    })
    t.after(() => client.stop())
    client.start()
  })
}
const failure = (reply: Reply | undefined) => {
  assert.ok(reply?.kind === 'failed', JSON.stringify(reply))
  return connectionError(reply.error, 'there')
}

suite('Eureka: requests', () => {
  test('asks for JSON, takes gzip, gives status, clock and wait', async (t) => {
    const url = await listen(t, (request, response) => {
      const seen = {
        path: request.url,
        accept: request.headers.accept,
        authorization: request.headers.authorization,
      }
      response.writeHead(200, {
        'content-encoding': 'gzip',
        date: 'Sun, 22 Nov 2026 10:00:00 GMT',
        'retry-after': '7',
      })
      response.end(gzipSync(JSON.stringify(seen)))
    })
    const [reply] = await ask(t, { url, user: 'u', password: 'p' }, {}, ['/apps/delta'])
    assert.deepEqual(reply, {
      kind: 'answer',
      status: 200,
      body: JSON.stringify({
        path: '/eureka/apps/delta',
        accept: 'application/json',
        authorization: 'Basic dTpw',
      }),
      date: Date.parse('2026-11-22T10:00:00Z'),
      retryAfter: 7000,
    })
  })

  test('each request is sent once: a 5xx is an answer', async (t) => {
    let count = 0
    const url = await listen(t, (_, response) => {
      count++
      response.writeHead(503).end()
    })
    const [first, second] = await ask(t, { url }, {}, ['/apps', '/apps'])
    assert.ok(first?.kind === 'answer' && first.status === 503 && second?.kind === 'answer')
    assert.equal(count, 2)
  })

  test('redirects are not followed, so that credentials stay where they belong', async (t) => {
    const other = await listen(t, () => assert.fail('followed'))
    const url = await listen(t, (_, response) => response.writeHead(302, { location: other }).end())
    const [reply] = await ask(t, { url, user: 'u', password: 'p' })
    assert.ok(reply?.kind === 'answer' && reply.status === 302)
  })

  test('a byte now and then does not hold a request for ever, and the next one is not hurt', async (t) => {
    const url = await listen(t, (request, response) => {
      if (request.url !== '/eureka/slow') return void response.end('{}')
      const timer = setInterval(() => response.write(' '), 10)
      response.once('close', () => clearInterval(timer))
    })
    const [slow, next] = await ask(t, { url }, { timeout: 100 }, ['/slow', '/apps'])
    assert.match(failure(slow).message, /no answer within 100 ms/)
    assert.ok(next?.kind === 'answer' && next.status === 200)
  })

  test('the environment and files of the working directory change nothing', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'pilothouse-eureka-'))
    const before = { cwd: process.cwd(), proxy: process.env.HTTP_PROXY }
    t.after(() => {
      process.chdir(before.cwd)
      if (before.proxy === undefined) delete process.env.HTTP_PROXY
      else process.env.HTTP_PROXY = before.proxy
      rmSync(directory, { recursive: true })
    })
    writeFileSync(
      join(directory, 'eureka-client.yml'),
      'eureka: { maxRetries: 9, registerWithEureka: true }\n',
    )
    process.chdir(directory)
    process.env.HTTP_PROXY = 'http://127.0.0.1:1'
    const url = await listen(t, (request, response) => response.end(request.method))
    const [reply] = await ask(t, { url })
    assert.ok(reply?.kind === 'answer' && reply.body === 'GET')
  })

  test('TLS: an unknown authority is told as such, a named one is trusted', async (t) => {
    const url = await listen(t, (_, response) => response.end('{}'), true)
    const [unknown] = await ask(t, { url })
    assert.equal(failure(unknown).code, 'PH3007')
    const caFile = fileURLToPath(new URL('../support/certs/test-only-cert.pem', import.meta.url))
    const [named] = await ask(t, { url }, { caFile })
    assert.ok(named?.kind === 'answer' && named.status === 200)
    const [missing] = await ask(t, { url }, { caFile: '/nowhere/ca.pem' })
    assert.match(failure(missing).message, /ENOENT.*ca\.pem/)
  })

  test('stopped in the middle of a request: it ends, and no other begins', async (t) => {
    let count = 0
    const asked = Promise.withResolvers<void>()
    const closed = Promise.withResolvers<void>()
    const url = await listen(t, (request) => {
      count++
      request.socket.once('close', () => closed.resolve())
      asked.resolve()
    })
    const done = Promise.withResolvers<Reply[]>()
    const client = eurekaClient({
      clock: asyncScheduler,
      timeout: 5000,
      async poll(get) {
        done.resolve([await get({ url }, '/apps'), await get({ url }, '/apps')])
        return { wait: 0, tell: () => assert.fail('told') }
      },
    })
    client.start()
    await asked.promise
    client.stop()
    await closed.promise
    assert.ok((await done.promise).every(({ kind }) => kind === 'failed'))
    assert.equal(count, 1)
  })
})
