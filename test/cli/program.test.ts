import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { collectLabel, hostPort, port } from '#src/cli/parse.ts'
import { age, table } from '#src/cli/table.ts'
import { version } from '#src/cli/version.ts'
import { run } from './run.ts'

const commands = [
  'serve',
  'check',
  'bootstrap',
  'translate',
  'demo',
  'services',
  'endpoints',
  'registries',
  'config',
  'proxy-status',
  'proxy-config',
]

describe('help', () => {
  test('lists every command and ends with 0', async () => {
    const { out, code } = await run('--help')
    assert.equal(code, 0)
    for (const command of commands) assert.ok(out.includes(`\n  ${command}`), command)
  })
  for (const command of commands)
    test(command, async () => {
      const { out, code } = await run(command, '--help')
      assert.equal(code, 0)
      assert.ok(out.startsWith(`Usage: pilothouse ${command}`))
    })
})

test('--version', async () => {
  assert.deepEqual(await run('--version'), { out: `${version()}\n`, err: '', code: 0 })
})

describe('called wrongly: 2, and how to do better', () => {
  const wrong: readonly [string[], RegExp][] = [
    [[], /Usage: pilothouse/],
    [['serv'], /Did you mean serve\?/],
    [['check'], /missing required argument 'path'/],
    [['bootstrap'], /required option '--id <name>'/],
    [['bootstrap', '--id', 'a', '--mode', 'magic'], /transparent, explicit/],
    [['bootstrap', '--id', 'a', '--label', 'novalue'], /KEY=VALUE/],
    [['bootstrap', '--id', 'a', '--xds', 'nowhere'], /HOST:PORT/],
    [['translate', '--id', 'a'], /required option '--files <dir>'/],
    [['translate', '--files', 'x'], /Give --id NAME, or --node FILE\./],
    [
      ['translate', '--files', '/nowhere/at/all', '--id', 'a', '--ip', '10.0.0.1'],
      /it does not exist\n.+correct the path/,
    ],
    [['check', '/nowhere/at/all'], /it does not exist\.\nCorrect the path/],
    [['serve', '--log-level', 'loud'], /Allowed choices/],
  ]
  for (const [args, text] of wrong)
    test(args.join(' ') || '(nothing)', async () => {
      const { out, err, code } = await run(...args)
      assert.equal(code, 2)
      assert.equal(out, '')
      assert.match(err, text)
    })
})

test('values of options', () => {
  assert.deepEqual(collectLabel('b=2=3', collectLabel('a=1')), { a: '1', b: '2=3' })
  assert.equal(port('0'), 0)
  for (const bad of ['-1', '1.5', '65536', '', 'x']) assert.throws(() => port(bad), bad)
  assert.equal(hostPort('[::1]:80'), '[::1]:80')
  for (const bad of ['80', '::1:80', 'a:b', 'a:99999', 'a b:1']) assert.throws(() => hostPort(bad), bad)
})

test('a table is as wide as its content and has no borders', () => {
  const long = 'x'.repeat(200)
  assert.equal(
    table(
      ['A', 'B'],
      [
        [long, 1],
        ['', 22],
      ],
    ),
    `A${' '.repeat(199)}   B\n${long}   1\n-${' '.repeat(199)}   22`,
  )
})

test('ages', () => {
  const now = Date.parse('2026-11-22T00:00:00Z')
  const before = (seconds: number) => age(new Date(now - seconds * 1000).toISOString(), now)
  assert.deepEqual(
    [before(5), before(125), before(7260), before(200_000), age(null, now), before(-5)],
    ['5s', '2m5s', '2h1m', '2d', 'never', '0s'],
  )
})
