import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import type { Issue } from '#model/issue.ts'
import { check } from '#src/cli/check.ts'
import { temporary } from './watched.ts'
import { serviceEntry } from './yaml-of.ts'

suite('pilothouse check', () => {
  test('clean: exit 0 and a summary', async (t) => {
    const dir = temporary(t)
    mkdirSync(join(dir, 'sub'))
    writeFileSync(join(dir, 'a.yaml'), serviceEntry('a'))
    writeFileSync(join(dir, 'sub/b.yml'), serviceEntry('b'))
    symlinkSync('..', join(dir, 'sub/loop'))
    assert.deepEqual(await check([dir], { output: 'text' }), {
      exitCode: 0,
      text: '2 files, 2 valid objects: 0 errors, 0 warnings',
    })
  })
  test('errors: exit 1, a line for each, in the order of files and lines', async (t) => {
    const dir = temporary(t)
    const [a, b] = [join(dir, 'a.yaml'), join(dir, 'b.yaml')]
    writeFileSync(
      a,
      serviceEntry('x').replace('protocol: HTTP', 'protocl: HTTP').replace('number: 80', 'number: 0'),
    )
    writeFileSync(b, `${serviceEntry('y')}---\n${serviceEntry('y')}`)
    const { exitCode, text } = await check([b, a], { output: 'text' })
    assert.equal(exitCode, 1)
    assert.deepEqual(text.split('\n'), [
      `${a}:9:15: error PH1103 spec.ports[0].number: 0 is no port number (Use a number from 1 to 65535.)`,
      `${a}:11:7: error PH1003 spec.ports[0].protocl: ports has no field "protocl" (Did you mean "protocol"?)`,
      `${b}:15:1: error PH1009 ServiceEntry/default/y is already defined at ${b}:1:1, which is the one that is served (Rename or remove one of them.)`,
      '2 files, 1 valid object: 3 errors, 0 warnings',
    ])
  })
  test('one object in two files', async (t) => {
    const dir = temporary(t)
    writeFileSync(join(dir, 'a.yaml'), serviceEntry('x'))
    writeFileSync(join(dir, 'b.yaml'), serviceEntry('x'))
    const { exitCode, text } = await check([dir], { output: 'json' })
    const issues = JSON.parse(text) as Issue[]
    assert.equal(exitCode, 1)
    assert.deepEqual(
      issues.map((i) => [i.code, i.at]),
      [['PH1009', `${join(dir, 'b.yaml')}:1:1`]],
    )
  })
  test('settings among them', async (t) => {
    const dir = temporary(t)
    writeFileSync(join(dir, 'pilothouse.yaml'), 'registries: [{kind: file, path: x}]\nlog: {levle: info}\n')
    const { exitCode, text } = await check([dir], { output: 'text' })
    assert.equal(exitCode, 1)
    assert.match(text, /pilothouse\.yaml:2:7: error PH1401 .*Did you mean "level"\?/)
  })
  test('settings of another machine: a kubeconfig that is not here is a warning, HOME is known', async (t) => {
    const dir = temporary(t)
    const file = join(dir, 'pilothouse.yaml')
    const codes = async (kubeconfig: string, env = {}) => {
      writeFileSync(file, `registries: [{ kind: kubernetes${kubeconfig} }]\n`)
      const { exitCode, text } = await check([file], { output: 'json', env })
      return [exitCode, ...(JSON.parse(text) as Issue[]).map(({ severity, code }) => `${severity} ${code}`)]
    }
    // `serve` says the same as an error: PH1404 goes with it there.
    assert.deepEqual(await codes(''), [0, 'warning PH1409'])
    assert.deepEqual(await codes(', kubeconfig: ~/.kube/config', { HOME: dir }), [0, 'warning PH1409'])
    mkdirSync(join(dir, '.kube'))
    writeFileSync(join(dir, '.kube/config'), 'current-context: a\ncontexts: [{ name: a }]\n')
    assert.deepEqual(await codes(', kubeconfig: ~/.kube/config', { HOME: dir }), [0])
  })
  test('warnings alone: exit 0', async (t) => {
    const dir = temporary(t)
    writeFileSync(
      join(dir, 'a.yaml'),
      'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec: {}\n',
    )
    const { exitCode, text } = await check([dir], { output: 'text' })
    assert.equal(exitCode, 0)
    assert.match(text, /warning PH1007/)
  })
  test('an empty directory is a warning, a missing path is wrong usage', async (t) => {
    const empty = await check([temporary(t)], { output: 'text' })
    assert.equal(empty.exitCode, 0)
    assert.match(empty.text, /PH1015/)
    await assert.rejects(check(['/nowhere'], { output: 'json' }), { exitCode: 2, message: /does not exist/ })
  })
})
