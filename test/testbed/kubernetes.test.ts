/** The Kubernetes API as tests need it: objects with status, watches through the proxy, accounts, expired versions, restarts. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { get, type RequestOptions } from 'node:https'
import { test } from 'node:test'
import { until } from '../support/cleanup.ts'
import { call, startFaultProxy, startKubernetes } from './index.ts'

const pod = (name: string) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: web } }
spec: { containers: [{ name: main, image: none }] }
status: { phase: Running, podIP: 10.1.2.3, conditions: [{ type: Ready, status: "True" }] }
`
const thing = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: things.example.test }
spec:
  group: example.test
  scope: Namespaced
  names: { plural: things, kind: Thing }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
---
apiVersion: example.test/v1
kind: Thing
metadata: { name: one }
spec: { size: 3 }
`

test('objects, accounts, a watch through the proxy, expired versions, restarts', async (t) => {
  const kubernetes = await startKubernetes()
  t.after(() => kubernetes.stop())
  const { api, url, token } = kubernetes
  const ca = readFileSync(kubernetes.caFile, 'utf8')
  const status = async (path: string, as: string) =>
    (await call('GET', url + path, { ca, headers: { authorization: `Bearer ${as}` } })).status

  await t.test('apply writes objects with their status, and kinds of its own', async () => {
    const [applied] = await kubernetes.apply(pod('web-1'))
    assert.equal(applied.status.podIP, '10.1.2.3')
    await kubernetes.apply(thing)
    assert.equal((await api('GET', '/apis/example.test/v1/namespaces/default/things/one')).spec.size, 3)
    await kubernetes.remove(thing)
    await kubernetes.remove(thing)
  })

  await t.test('an account gets rights and loses them', async () => {
    const theirs = await kubernetes.addToken('reader')
    assert.equal(await status('/api/v1/pods', theirs), 403)
    await kubernetes.allow('reader', [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }])
    await until('it may', async () => (await status('/api/v1/pods', theirs)) === 200)
    await kubernetes.deny('reader')
    await until('it may not', async () => (await status('/api/v1/pods', theirs)) === 403)
    await kubernetes.removeToken('reader')
    await until('it is unknown', async () => (await status('/api/v1/pods', theirs)) === 401, 20_000)
  })

  await t.test('a watch through the fault proxy flows event by event', async (t) => {
    const proxy = await startFaultProxy(url)
    t.after(() => proxy.stop())
    const path = await kubernetes.kubeconfigFor(proxy)
    const config = JSON.parse(readFileSync(path, 'utf8'))
    assert.equal(config.clusters[0].cluster.server, proxy.url)
    const options: RequestOptions = {
      ca: readFileSync(proxy.caFile, 'utf8'),
      headers: { authorization: `Bearer ${config.users[0].user.token}` },
      agent: false,
    }
    let seen = ''
    const ended = () => {
      seen += 'reset'
    }
    const watch = get(`${proxy.url}/api/v1/pods?watch=1`, options, (answer) => {
      answer.on('data', (chunk) => {
        seen += chunk
      })
      answer.once('error', () => undefined)
    })
    watch.once('error', () => undefined).once('close', ended)
    await until('the first pod came', () => seen.includes('web-1'))
    await kubernetes.apply(pod('web-2'))
    await until('the second pod came', () => seen.includes('web-2'))
    await proxy.mode('cut', (request) => request.path.includes('watch'))
    await until('the watch is cut', () => seen.endsWith('reset'))
    await proxy.mode('pass')
    const again = await call('GET', `${proxy.url}/version`, { ca: options.ca as string })
    assert.equal(again.status, 200)
    proxy.cut()
  })

  await t.test('an old version is gone after expireWatches', async () => {
    const { metadata } = await api('GET', '/api/v1/pods')
    await kubernetes.apply(pod('web-3'))
    await kubernetes.expireWatches()
    const watch = `${url}/api/v1/pods?watch=1&timeoutSeconds=5&resourceVersion=${metadata.resourceVersion}`
    const answer = await call('GET', watch, { ca, headers: { authorization: `Bearer ${token}` } })
    assert.match(answer.text, /"code":410/)
  })

  await t.test('killed, and restarted with data and without', async () => {
    await kubernetes.kill()
    await assert.rejects(() => call('GET', url), { code: 'ECONNREFUSED' })
    await kubernetes.restart({ keepData: true })
    assert.equal((await api('GET', '/api/v1/pods')).items.length, 3)
    kubernetes.apiserver.pause()
    await assert.rejects(() => call('GET', url, { timeout: 300 }), /no answer within/)
    kubernetes.apiserver.resume()
    await kubernetes.restart({ keepData: false })
    assert.equal((await api('GET', '/api/v1/pods')).items.length, 0)
  })
})
