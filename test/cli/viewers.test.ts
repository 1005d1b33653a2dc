import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { type Admin, createAdmin } from '#admin/server.ts'
import { fakes, service, snapshot } from '../admin/fakes.ts'
import { run } from './run.ts'

let admin: Admin
let url: string
before(async () => {
  admin = createAdmin(fakes())
  const { address, port } = await admin.listen('127.0.0.1:0')
  url = `http://${address}:${port}`
})
after(() => admin.close())

const view = (...args: string[]) => run(...args, '--admin', url)
/** Cells of a line: columns are at least three blanks apart. */
const cells = (text: string, line: number) => text.split('\n')[line]!.split(/ {3,}/)

describe('tables', () => {
  const proxy = 'orders-1.default'
  const table: readonly [string, string[], number, string[]][] = [
    [
      'services',
      ['services'],
      1,
      ['orders.default', 'default', '80/HTTP,9000/TCP', '240.0.0.1', '1/2', 'file/a,consul/dc1', '0'],
    ],
    [
      'endpoints',
      ['endpoints', 'orders.default', '--registry', 'consul/dc1'],
      1,
      ['orders.default', '80', '10.0.0.2:80', 'DRAINING', '1', 'eu/eu-1', 'consul/dc1', 'stale'],
    ],
    [
      'config',
      ['config', '--kind', 'Sidecar'],
      1,
      ['Sidecar', 'default', 'narrow', 'config/sidecar.yaml:7', 'abc', '1'],
    ],
    [
      'proxy-status',
      ['proxy-status'],
      2,
      [
        proxy,
        'home',
        'default',
        'SYNCED',
        'NACKED',
        'SYNCED',
        'SYNCED',
        'SYNCED',
        'pilothouse-0.1.0',
        '1.29.0',
      ],
    ],
    [
      'proxy-config clusters',
      ['proxy-config', 'clusters', proxy],
      1,
      ['orders.default', '80', '-', 'outbound', 'EDS', '-'],
    ],
    [
      'listeners',
      ['pc', 'listeners', proxy],
      1,
      ['0.0.0.0', '80', 'ALL', 'Cluster: outbound|80||orders.default', '0.0.0.0_80'],
    ],
    [
      'routes',
      ['pc', 'route', proxy],
      1,
      [
        '80',
        'orders.default:80',
        'orders.default, orders.default:80',
        '/*',
        'outbound|80||orders.default',
        '-',
      ],
    ],
    [
      'endpoints',
      ['pc', 'ep', proxy],
      1,
      ['10.0.0.1:9080', 'DRAINING', '1', '0', '-', 'outbound|80||orders.default'],
    ],
    ['secrets', ['pc', 'secret', proxy], 1, ['default', 'Cert Chain', 'false', '-', '-', '-']],
  ]
  for (const [name, args, line, expected] of table)
    test(`${name}: ${args.join(' ')}`, async () => {
      const { out, err, code } = await view(...args)
      assert.equal(err, '')
      assert.equal(code, 0)
      assert.deepEqual(cells(out, line), expected)
      assert.ok(out.endsWith('\n') && !/[ \t]\n/.test(out), 'no blanks at the ends of lines')
    })

  test('registries, with the trouble of each below', async () => {
    const { out } = await view('registries')
    assert.deepEqual(cells(out, 2).slice(0, 4), ['consul/dc1', 'registry', 'consul', 'stale'])
    assert.match(out, /consul\/dc1: Consul does not answer\.\n {2}Start it\./)
    assert.match(out, /config\/sidecar\.yaml:9: warning PH1: odd <host>\n {2}Mend it\./)
  })

  test('registries counts what is held back, and lets it go', async () => {
    const base = fakes()
    const consul = {
      ...base.mesh.snapshot().sources.get('consul/dc1')!,
      state: 'fresh' as const,
      staleServices: 2,
      protectedServices: 1,
    }
    const shown = { ...snapshot(), sources: new Map([['consul/dc1', consul]]) }
    const accept = (name: string): number | undefined => (name === 'consul/dc1' ? 1 : undefined)
    const held = createAdmin(fakes({ mesh: { ...base.mesh, snapshot: () => shown, accept } }))
    const { address, port } = await held.listen('127.0.0.1:0')
    const ask = (...args: string[]) => run('registries', ...args, '--admin', `http://${address}:${port}`)
    assert.equal(cells((await ask()).out, 1)[3], 'fresh, 1 protected, 2 stale')
    assert.equal((await ask('--accept', 'consul/dc1')).out, 'consul/dc1: 1 service let go.\n')
    const json = await ask('--accept', 'consul/dc1', '-o', 'json')
    assert.deepEqual(JSON.parse(json.out), { registry: 'consul/dc1', accepted: 1 })
    const unknown = await ask('--accept', 'ghost')
    assert.equal(unknown.code, 1)
    assert.match(unknown.err, /no registry ghost\.\nTake a name from `pilothouse registries`/)
    await held.close()
  })

  test('proxy-status tells the words of a NACK', async () => {
    const { out } = await view('ps', 'orders-1.default')
    assert.match(
      out,
      /orders-1\.default rejects LDS since 2026-11-22T10:00:00\.000Z, keeps version v0:\n {2}bad listener\n {2}resources: 0\.0\.0\.0_80/,
    )
  })

  test('proxy-config all', async () => {
    const { out } = await view('pc', 'all', 'orders-1.default')
    for (const head of ['SERVICE FQDN', 'ADDRESSES', 'VHOST NAME', 'ENDPOINT', 'RESOURCE NAME'])
      assert.ok(out.includes(head))
  })

  test('filters', async () => {
    const clusters = async (...args: string[]) =>
      (await view('pc', 'c', 'orders-1', ...args)).out.split('\n').length - 2
    assert.equal(await clusters(), 2)
    assert.equal(await clusters('--fqdn', 'orders.default'), 1)
    assert.equal(await clusters('--port', '8080'), 1)
    assert.equal(await clusters('--name', 'inbound|8080||'), 1)
    assert.match((await view('pc', 'l', 'orders-1', '--port', '81')).out, /no such listeners/)
  })
})

test('what is wrong is red where the terminal has colours, and only in tables', async () => {
  const { proxyStatus } = await import('#src/cli/proxy-status.ts')
  const shown = await proxyStatus(url, [], { output: 'table', colors: true })
  assert.ok(shown.text.includes('\u001b[31mNACKED'))
  assert.ok(!(await proxyStatus(url, [], { output: 'json', colors: true })).text.includes('\u001b'))
})

describe('-o json', () => {
  const table: readonly [string[], (json: never) => unknown, unknown][] = [
    [['services'], (all: { hostname: string }[]) => all[0]!.hostname, 'orders.default'],
    [['endpoints'], (all: object[]) => all.length, 4],
    [['registries'], (all: { name: string }[]) => all.map(({ name }) => name), ['file/a', 'consul/dc1']],
    [['config'], (all: { kind: string }[]) => all[0]!.kind, 'Sidecar'],
    [['ps'], (all: { types: { cds: { status: string } } }[]) => all[0]!.types.cds.status, 'SYNCED'],
    [
      ['pc', 'listener', 'orders-1'],
      (all: { '@type': string; name: string }[]) => [all.length, all[0]!.name],
      [1, '0.0.0.0_80'],
    ],
    [['pc', 'all', 'orders-1'], (dump: { configs: object[] }) => dump.configs.length, 5],
  ]
  for (const [args, pick, expected] of table)
    test(args.join(' '), async () => {
      const { out, code } = await view(...args, '-o', 'json')
      assert.equal(code, 0)
      assert.deepEqual(pick(JSON.parse(out) as never), expected)
    })
})

describe('what is wrong is said, with a remedy', () => {
  const table: readonly [string, string[], number, RegExp][] = [
    [
      'no such service',
      ['endpoints', 'orders'],
      1,
      /no service orders\.\nGive the whole hostname: orders\.default/,
    ],
    ['nothing like it', ['endpoints', 'ghost'], 1, /no service ghost\.\n`pilothouse services` lists/],
    ['no such proxy', ['pc', 'c', 'ghost'], 1, /No proxy "ghost" is connected\.\n.*proxy-status/],
    ['no such kind', ['pc', 'filters', 'orders-1'], 2, /"filters".*\nSay listeners/],
    ['no such option', ['services', '--wide'], 2, /unknown option '--wide'\nAdd --help/],
    ['wrong form', ['services', '-o', 'xml'], 2, /Allowed choices are table, json/],
    ['wrong port', ['pc', 'c', 'x', '--port', '70000'], 2, /0 to 65535/],
  ]
  for (const [name, args, code, text] of table)
    test(name, async () => {
      const said = await view(...args)
      assert.equal(said.code, code)
      assert.equal(said.out, '')
      assert.match(said.err, text)
    })

  test('no Pilot there', async () => {
    const said = await run('services', '--admin', 'http://127.0.0.1:1')
    assert.equal(said.code, 1)
    assert.match(
      said.err,
      /does not answer at http:\/\/127\.0\.0\.1:1: .*\n.*`pilothouse serve`.*--admin URL or PILOTHOUSE_ADMIN/,
    )
    const host = await run('services', '--admin', 'http://[')
    assert.equal(host.code, 2)
    assert.match(host.err, /is not a URL/)
  })

  test('something else there', async () => {
    const server = createServer((_request, response) => response.end('<html>'))
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as { port: number }
    const said = await run('services', '--admin', `127.0.0.1:${port}`)
    server.close()
    assert.equal(said.code, 1)
    assert.match(said.err, /no Pilot's REST/)
  })
})

test('services tells below its table what is wrong with any', async () => {
  const issue = { severity: 'warning', code: 'PH2001', message: 'They disagree.', remedy: 'Agree.' } as const
  const mesh = snapshot([{ ...service('a.example', []), issues: [issue] }])
  const deps = fakes()
  const own = createAdmin({ ...deps, mesh: { ...deps.mesh, snapshot: () => mesh } })
  const { address, port } = await own.listen('127.0.0.1:0')
  const { out } = await run('services', '--admin', `http://${address}:${port}`)
  await own.close()
  assert.match(out, /1\n\nwarning PH2001: They disagree\.\n {2}Agree\.\n$/)
})
