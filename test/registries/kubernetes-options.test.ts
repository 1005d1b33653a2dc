import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { readKubernetesConnection } from '#config/connections/kubernetes.ts'
import type { Issue } from '#model/issue.ts'
import { kubernetesKind } from '#registries/kubernetes/options.ts'

const kubeconfig = (contexts: readonly string[], current?: string) =>
  JSON.stringify({
    contexts: contexts.map((name) => ({ name, context: { cluster: name, user: name } })),
    ...(current && { 'current-context': current }),
  })

function world(t: TestContext) {
  const home = mkdtempSync(join(tmpdir(), 'pilothouse-kubeconfig-'))
  t.after(() => rmSync(home, { recursive: true }))
  mkdirSync(join(home, '.kube'))
  const file = (name: string, text: string) => {
    writeFileSync(join(home, name), text)
    return join(home, name)
  }
  const context = (env: object, issues: Issue[] = []) => ({
    ...{ issues, reader: { issues, at: () => 'here' }, path: ['registries', 0] },
    ...{ env: { HOME: home, ...env }, fromFile: (path: string) => join(home, path) },
  })
  const read = (fields: object, env: object = {}) => {
    const it = context(env)
    return { entry: kubernetesKind.read(fields as never, undefined, it), issues: it.issues }
  }
  return { home, file, context, read }
}

suite('kubernetes: settings', () => {
  test('a kubeconfig: its current context, or the one that is named', (t) => {
    const { file, read } = world(t)
    const path = file('config', kubeconfig(['prod', 'test'], 'prod'))
    const { entry } = read({ kubeconfig: 'config', context: '' })
    assert.equal(entry!.name, 'kubernetes/prod')
    assert.deepEqual(entry!.connection, { from: 'kubeconfig', files: [path], context: 'prod' })
    assert.deepEqual([entry!.domain, entry!.namespaces, entry!.network], ['cluster.local', [], ''])
    assert.equal(read({ kubeconfig: 'config', context: 'test' }).entry!.name, 'kubernetes/test')
    assert.deepEqual(kubernetesKind.flag!(''), {})
    assert.deepEqual(kubernetesKind.flag!('config'), { kubeconfig: 'config' })
  })
  test('KUBECONFIG with several files: those that are there, the first current context', (t) => {
    const { home, file, read } = world(t)
    const one = file('one', kubeconfig(['a']))
    const two = file('two', kubeconfig(['b'], 'b'))
    const { entry } = read({}, { KUBECONFIG: `${home}/missing:${one}:${two}` })
    assert.deepEqual(entry!.connection, { from: 'kubeconfig', files: [one, two], context: 'b' })
  })
  test('in a pod: its service account; KUBECONFIG and settings go before it', (t) => {
    const { home, file, context } = world(t)
    file('token', 'secret')
    file('.kube/config', kubeconfig(['home'], 'home'))
    const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' }
    assert.deepEqual(readKubernetesConnection({}, context(env), home), {
      ...{ from: 'in-cluster', server: 'https://[fd00::1]:6443', directory: home },
    })
    assert.equal(readKubernetesConnection({}, context({}), home)?.from, 'kubeconfig')
    assert.equal(readKubernetesConnection({ context: 'home' }, context(env), home)?.from, 'kubeconfig')
  })
  test('what is wrong is told at load, with what to do', (t) => {
    const { file, read } = world(t)
    file('none', kubeconfig(['a', 'b']))
    file('broken', 'contexts: [')
    const rows: readonly [object, RegExp][] = [
      [{}, /no kubeconfig, and this is no pod/],
      [{ kubeconfig: 'missing' }, /there is no .*missing/],
      [{ kubeconfig: 'broken' }, /broken:1/],
      [{ kubeconfig: 'none' }, /no current-context/],
      [{ kubeconfig: 'none', context: 'c' }, /no context "c"/],
      [{ kubeconfig: 'none', context: 'a', domain: 'not a domain' }, /no DNS name/],
      [{ kubeconfig: 'none', context: 'a', namespaces: ['*'] }, /no namespace/],
    ]
    for (const [fields, message] of rows) {
      const { issues } = read(fields)
      assert.equal(issues.length, 1, JSON.stringify(issues))
      assert.match(issues[0]!.message, message)
      assert.ok(issues[0]!.remedy)
    }
    assert.match(read({ kubeconfig: 'none', context: 'c' }).issues[0]!.remedy, /a, b/)
  })
})
