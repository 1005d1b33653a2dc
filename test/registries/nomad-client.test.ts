/** The client against an HTTP server: sockets, headers, broken answers. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import type { NomadConnection } from '#config/connections/nomad.ts'
import { createNomadClient } from '#registries/nomad/client.ts'

const signal = () => new AbortController().signal
const directory = (t: TestContext) => {
  const path = mkdtempSync(join(tmpdir(), 'pilothouse-nc-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}
async function listen(t: TestContext, server: Server, path?: string): Promise<number> {
  await new Promise<void>((resolve) =>
    path ? server.listen(path, resolve) : server.listen(0, '127.0.0.1', resolve),
  )
  t.after(() => new Promise((resolve) => server.close(resolve)))
  return path ? 0 : (server.address() as AddressInfo).port
}
const serve = async (t: TestContext, answer: RequestListener, path?: string) =>
  listen(t, createServer(answer), path)
function connect(t: TestContext, connection: Partial<NomadConnection>, timeout = 1000) {
  const client = createNomadClient({ address: '', tls: { skipVerify: false }, ...connection }, timeout)
  t.after(() => client.close())
  return client
}
const at = (port: number) => ({ address: `http://127.0.0.1:${port}` })

suite('Nomad: client', () => {
  test('region, namespace, index and wait in the query; token and credentials in headers', async (t) => {
    let asked: IncomingMessage | undefined
    const port = await serve(t, (request, response) => {
      asked = request
      response.setHeader('x-nomad-index', '42').end('[]')
    })
    const client = connect(t, { ...at(port), region: 'eu', token: 'secret', httpAuth: 'me:pass' })
    const answer = await client.get({
      path: '/v1/services',
      query: { namespace: '*', index: 7, topic: ['a', 'b'] },
      wait: 500,
      signal: signal(),
    })
    assert.deepEqual(answer, { ok: true, index: 42, body: [] })
    const url = new URL(asked!.url!, 'http://x')
    assert.deepEqual(
      [...url.searchParams].map((each) => each.join('=')),
      ['region=eu', 'namespace=*', 'index=7', 'topic=a', 'topic=b', 'wait=500ms'],
    )
    assert.equal(asked!.headers['x-nomad-token'], 'secret')
    assert.equal(asked!.headers.authorization, `Basic ${btoa('me:pass')}`)
  })

  test('by a socket, with the token of a file that is renewed, or else the one given', async (t) => {
    const folder = directory(t)
    const socket = join(folder, 'api.sock')
    const tokens: unknown[] = []
    await serve(
      t,
      (request, response) => {
        tokens.push(request.headers['x-nomad-token'])
        response.end('{}')
      },
      socket,
    )
    const tokenFile = join(folder, 'nomad_token')
    const client = connect(t, { address: `unix://${socket}`, token: 'given', tokenFile })
    const ask = () => client.get({ path: '/v1/nodes', signal: signal() })
    assert.equal((await ask()).ok, true)
    for (const token of ['first', 'second\n']) {
      writeFileSync(tokenFile, token)
      await ask()
    }
    assert.deepEqual(tokens, ['given', 'first', 'second'])
    const lines: string[] = []
    await client.stream({}, (line) => lines.push(line), signal())
    assert.equal(tokens.at(-1), 'second')
  })

  for (const [name, answer, code] of [
    ['403', (_, r) => r.writeHead(403).end('Permission denied'), 'PH3002'],
    ['429', (_, r) => r.writeHead(429).end(), 'PH3003'],
    ['500', (_, r) => r.writeHead(500).end('No cluster leader'), 'PH3004'],
    ['302', (_, r) => r.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(), 'PH3005'],
    ['no JSON', (_, r) => r.end('<html>'), 'PH3005'],
    [
      'cut off',
      (_, r) => {
        r.writeHead(200, { 'content-length': '100' }).write('[1,')
        setImmediate(() => r.destroy())
      },
      'PH3001',
    ],
    ['silent', () => {}, 'PH3001'],
  ] satisfies (readonly [string, RequestListener, string])[])
    test(`${name}: ${code}, with the place and without the token`, async (t) => {
      const port = await serve(t, answer)
      const client = connect(t, { ...at(port), token: 'secret' }, 200)
      const got = await client.get({ path: '/v1/services', signal: signal() })
      client.close()
      assert.ok(!got.ok)
      assert.equal(got.error.code, code)
      assert.ok(got.error.message.startsWith(`http://127.0.0.1:${port}`))
      assert.ok(!JSON.stringify(got).includes('secret'))
    })

  test('a certificate that is not there is trouble, not an exception', async (t) => {
    const client = connect(t, {
      address: 'https://127.0.0.1:1',
      tls: { ca: '/nowhere/ca.pem', skipVerify: false },
    })
    const got = await client.get({ path: '/v1/services', signal: signal() })
    assert.ok(!got.ok && got.error.message.includes('/nowhere/ca.pem'))
    assert.match((await client.stream({}, () => {}, signal())).message, /nowhere/)
  })

  test('a stream: lines whole, whatever the pieces; HTTP/0.0 as Nomad 1.11.2 has it', async (t) => {
    const server = createTcpServer((socket) => {
      socket.resume()
      socket.write('HTTP/0.0 200 OK\r\nContent-Type: application/json\r\n\r\n{}\n{"Ind')
      setImmediate(() => socket.end('ex":3}\n{"half'))
    })
    const client = connect(t, at(await listen(t, server)))
    const lines: string[] = []
    const end = await client.stream({}, (line) => lines.push(line), signal())
    assert.deepEqual(lines, ['{}', '{"Index":3}'])
    assert.equal(end.code, 'PH3001')
  })

  test('a stream is left at once; one that is refused ends', async (t) => {
    const port = await serve(t, (request, response) => {
      if (request.url!.includes('no')) response.writeHead(403).end()
      else response.write('{}\n')
    })
    const client = connect(t, at(port))
    const ending = new AbortController()
    await client.stream({}, () => ending.abort(), ending.signal)
    const refused = await client.stream({ namespace: 'no' }, () => {}, signal())
    assert.match(refused.message, /status 403/)
  })
})
