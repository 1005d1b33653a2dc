/** What is wrong with a Sidecar, and where. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { table } from './validation-table.ts'
import { brief, issuesOf, object } from './yaml-of.ts'

suite('Sidecar', () => {
  const hosts = 'hosts: ["./*"]'
  table('Sidecar', [
    ['egress', 'egress:\n- hosts: ["./*", "istio-system/*", "*/a.b", "~/*", "ns/*.c.d"]', []],
    [
      'ports, and the rest',
      `egress:\n- {port: {number: 9080, protocol: HTTP, name: e}, bind: 127.0.0.1, captureMode: NONE, ${hosts}}\n- ${hosts}`,
      [],
    ],
    ['a Unix socket', `egress:\n- {port: {protocol: HTTP, name: e}, bind: "unix:///x", ${hosts}}`, []],
    ['an HTTP proxy', `egress:\n- {port: {number: 8888, protocol: HTTP_PROXY, name: e}, ${hosts}}`, []],
    [
      'ingress forms',
      `ingress:
- {port: {number: 1, protocol: HTTP, name: a}, defaultEndpoint: "127.0.0.1:8080"}
- {port: {number: 2, protocol: HTTP, name: b}, defaultEndpoint: "0.0.0.0:8080"}
- {port: {number: 3, protocol: HTTP, name: c}, defaultEndpoint: "[::1]:8080"}
- {port: {number: 4, protocol: HTTP, name: d}, defaultEndpoint: "unix:///a.sock"}
- {port: {number: 5, protocol: TCP, name: e}, defaultEndpoint: ":8080"}`,
      [],
    ],
    ['empty', '{}', ['6:3 error PH1201 spec']],
    ['host without a namespace', 'egress:\n- hosts: [a.b]', ['7:13 error PH1202 spec.egress[0].hosts[0]']],
    [
      'host with a bad namespace',
      'egress:\n- hosts: [A_/a.b]',
      ['7:13 error PH1202 spec.egress[0].hosts[0]'],
    ],
    ['no hosts', 'egress:\n- hosts: []', ['7:12 error PH1005 spec.egress[0].hosts']],
    [
      'a host twice',
      'egress:\n- hosts: ["./*", "default/*"]',
      ['7:20 warning PH1208 spec.egress[0].hosts[1]'],
    ],
    [
      'no port but not last',
      `egress:\n- ${hosts}\n- {port: {number: 1, protocol: HTTP}, ${hosts}}`,
      ['7:5 error PH1203 spec.egress[0]'],
    ],
    ['two without a port', `egress:\n- ${hosts}\n- ${hosts}`, ['7:5 error PH1203 spec.egress[0]']],
    [
      'a port twice',
      `egress:\n- {port: {number: 1, protocol: HTTP}, ${hosts}}\n- {port: {number: 1, protocol: HTTP}, ${hosts}}`,
      ['8:21 error PH1104 spec.egress[1].port.number'],
    ],
    [
      'no number and no socket',
      `egress:\n- {port: {protocol: HTTP}, ${hosts}}`,
      ['7:12 error PH1205 spec.egress[0].port'],
    ],
    [
      'captured socket',
      `egress:\n- {port: {protocol: HTTP}, bind: "unix:///x", captureMode: IPTABLES, ${hosts}}`,
      ['7:62 error PH1205 spec.egress[0].captureMode'],
    ],
    [
      'bad bind',
      `egress:\n- {port: {number: 1, protocol: HTTP}, bind: x, ${hosts}}`,
      ['7:47 error PH1102 spec.egress[0].bind'],
    ],
    [
      'bad defaultEndpoint',
      'ingress:\n- {port: {number: 1, protocol: HTTP, name: a}, defaultEndpoint: "10.0.0.1:80"}',
      ['7:67 error PH1204 spec.ingress[0].defaultEndpoint'],
    ],
    [
      'ingress without a number',
      'ingress:\n- {port: {protocol: HTTP, name: a}}',
      ['7:12 error PH1103 spec.ingress[0].port.number'],
    ],
    [
      'ingress without a port',
      'ingress:\n- defaultEndpoint: "127.0.0.1:80"',
      ['7:5 error PH1005 spec.ingress[0].port'],
    ],
    [
      'ingress TLS is not served',
      'ingress:\n- {port: {number: 1, protocol: HTTP, name: a}, tls: {mode: SIMPLE}}',
      ['7:50 warning PH1014 spec.ingress[0].tls'],
    ],
    ['empty pool', 'inboundConnectionPool: {}', ['6:26 error PH1207 spec.inboundConnectionPool']],
    [
      'bad pool',
      'inboundConnectionPool: {http: {maxRetries: -1}, tcp: {connectTimeout: 3}}',
      [
        '6:46 error PH1207 spec.inboundConnectionPool.http.maxRetries',
        '6:73 error PH1004 spec.inboundConnectionPool.tcp.connectTimeout',
      ],
    ],
    [
      'bad duration',
      'inboundConnectionPool: {tcp: {connectTimeout: 3 s}}',
      ['6:49 error PH1207 spec.inboundConnectionPool.tcp.connectTimeout'],
    ],
    [
      'unknown policy',
      'outboundTrafficPolicy: {mode: ALLOW_NONE}',
      ['6:33 error PH1004 spec.outboundTrafficPolicy.mode'],
    ],
  ])
  test('in the root namespace a selector is a warning', () => {
    const text = object(
      'Sidecar',
      `egress:\n- ${hosts}\nworkloadSelector: {labels: {a: b}}`,
      '\n  namespace: root',
    )
    assert.deepEqual(issuesOf(text, 'root').map(brief), ['9:21 warning PH1206 spec.workloadSelector'])
    assert.deepEqual(issuesOf(text).map(brief), [])
  })
})
