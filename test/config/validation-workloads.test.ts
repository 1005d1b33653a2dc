/** What is wrong with a WorkloadEntry or a WorkloadGroup, and where. */
import { suite } from 'node:test'
import { table } from './validation-table.ts'

suite('WorkloadEntry', () => {
  table('WorkloadEntry', [
    ['an address', 'address: 10.0.0.1', []],
    ['a name', 'address: vm1.example.com\nports: {http: 8080}\nlabels: {app: a}', []],
    ['no address', 'labels: {app: a}', ['6:3 error PH1005 spec.address']],
    ['network alone', 'network: n', ['6:3 warning PH1118 spec']],
    ['neither name nor address', 'address: "a b"', ['6:12 error PH1108 spec.address']],
    ['bad port', 'address: 10.0.0.1\nports: {http: 70000}', ['7:17 error PH1103 spec.ports.http']],
    ['misspelt', 'adress: 10.0.0.1', ['6:3 error PH1003 spec.adress', '6:3 error PH1005 spec.address']],
  ])
  table(
    'WorkloadEntry',
    [
      [
        'unknown health',
        'address: 10.0.0.1',
        ['5:40 error PH1116 metadata.annotations["pilothouse.io/health"]'],
      ],
    ],
    '\n  annotations: { pilothouse.io/health: off }',
  )
  table(
    'WorkloadEntry',
    [['known health', 'address: 10.0.0.1', []]],
    '\n  annotations: { pilothouse.io/health: draining }',
  )
})

suite('WorkloadGroup', () => {
  const template = 'template: {serviceAccount: sa, ports: {http: 8080}}'
  table('WorkloadGroup', [
    [
      'with a probe',
      `metadata: {labels: {app: a}}\n${template}\nprobe: {httpGet: {port: 8080, path: /}, periodSeconds: 3}`,
      [],
    ],
    ['no template', 'metadata: {labels: {app: a}}', ['6:3 error PH1005 spec.template']],
    [
      'bad label',
      `metadata: {labels: {app: "a b"}}\n${template}`,
      ['6:28 error PH1012 spec.metadata.labels.app'],
    ],
    ['unknown field', `${template}\nmetdata: {}`, ['7:3 error PH1003 spec.metdata']],
    ['a probe without a method', `${template}\nprobe: {periodSeconds: 3}`, ['7:10 error PH1301 spec.probe']],
    [
      'a bad scheme',
      `${template}\nprobe: {httpGet: {port: 1, scheme: FTP}}`,
      ['7:38 error PH1301 spec.probe.httpGet.scheme'],
    ],
    [
      'a bad port',
      `${template}\nprobe: {tcpSocket: {port: 0}}`,
      ['7:29 error PH1103 spec.probe.tcpSocket.port'],
    ],
  ])
})
