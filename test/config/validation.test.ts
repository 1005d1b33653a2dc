import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { brief, issuesOf, object, parse } from './yaml-of.ts'

/** name, spec as YAML (its first line is line 6, column 3), the issues. */
type Row = readonly [name: string, spec: string, issues: readonly string[]]

function table(kind: string, rows: readonly Row[], extra = ''): void {
  for (const [name, spec, expected] of rows)
    test(name, () => {
      const issues = issuesOf(object(kind, spec, extra))
      assert.deepEqual(issues.map(brief).sort(), [...expected].sort())
      for (const i of issues) {
        assert.ok(
          i.remedy && !/[{}]/.test(i.remedy.replace(/\{ host.*\}/, '')),
          `remedy of ${i.code}: ${i.remedy}`,
        )
        assert.equal(i.object, `${kind}/default/a`)
      }
    })
}

const PORT = 'ports: [{number: 80, name: http, protocol: HTTP}]'
const HOST = 'hosts: [a.example.com]'

suite('ServiceEntry', () => {
  table('ServiceEntry', [
    ['the least', 'hosts: [a.b]', []],
    [
      'static with everything',
      `${HOST}
addresses: [10.1.0.0/16, 10.2.0.1, "fd00::1", "fd00::/8"]
location: MESH_INTERNAL
resolution: STATIC
ports:
- {number: 80, name: http, protocol: http, targetPort: 8080}
- {number: 81, name: grpc-web, protocol: GRPC-WEB}
endpoints:
- address: 10.0.0.1
  ports: {http: 8081}
  labels: {app: a, "x.io/y": "z"}
  locality: eu/eu-1/a
  network: n1
  weight: 5
  serviceAccount: sa
- address: 2001:db8::1
exportTo: [".", other]
subjectAltNames: ["spiffe://x"]`,
      [],
    ],
    ['workloadSelector', `${HOST}\nresolution: STATIC\n${PORT}\nworkloadSelector: {labels: {app: a}}`, []],
    ['short name, as in Istio', `hosts: [orders]\n${PORT}`, []],
    ['wildcard with NONE', `hosts: ["*.example.com"]\n${PORT}`, []],
    ['nulls are absent fields', `${HOST}\nendpoints:\naddresses: null\n${PORT}`, []],
    ['DNS without endpoints', `${HOST}\nresolution: DNS\n${PORT}`, []],
    [
      'DNS_ROUND_ROBIN with one',
      `${HOST}\nresolution: DNS_ROUND_ROBIN\n${PORT}\nendpoints: [{address: x.y}]`,
      [],
    ],
    ['DYNAMIC_DNS wildcard', `hosts: ["*.example.com"]\nresolution: DYNAMIC_DNS\n${PORT}`, []],
    [
      'a Unix socket',
      `${HOST}\nresolution: STATIC\n${PORT}\nendpoints: [{address: "unix:///run/a.sock"}]`,
      [],
    ],
    ['several hosts by HTTP', `hosts: [a.b, c.d]\nresolution: DNS\n${PORT}`, []],
    // hosts
    ['no hosts', PORT, ['6:3 error PH1005 spec.hosts']],
    ['empty hosts', `hosts: []\n${PORT}`, ['6:10 error PH1004 spec.hosts']],
    ['bare wildcard', `hosts: ["*"]\n${PORT}`, ['6:11 error PH1101 spec.hosts[0]']],
    ['wildcard inside', `hosts: [a.*.com]\n${PORT}`, ['6:11 error PH1101 spec.hosts[0]']],
    ['host with a port', `hosts: [a.b, "a.b:80"]\n${PORT}`, ['6:16 error PH1101 spec.hosts[1]']],
    ['host with underscore', `hosts: [a_b.c]\n${PORT}`, ['6:11 error PH1101 spec.hosts[0]']],
    ['an IP address as host', `hosts: [10.0.0.1]\n${PORT}`, ['6:11 error PH1101 spec.hosts[0]']],
    ['host given twice', `hosts: [a.b, A.B]\n${PORT}`, ['6:16 warning PH1101 spec.hosts[1]']],
    // addresses
    ['bad address', `${HOST}\naddresses: [10.0.0.300]\n${PORT}`, ['7:15 error PH1102 spec.addresses[0]']],
    [
      'a bare number as address',
      `${HOST}\naddresses: ["1"]\n${PORT}`,
      ['7:15 error PH1102 spec.addresses[0]'],
    ],
    ['bad CIDR', `${HOST}\naddresses: [10.0.0.0/33]\n${PORT}`, ['7:15 error PH1102 spec.addresses[0]']],
    [
      'CIDR with DNS',
      `${HOST}\nresolution: DNS\naddresses:\n- 10.0.0.0/8\n${PORT}`,
      ['9:5 error PH1106 spec.addresses[0]'],
    ],
    // ports
    [
      'port 0 and 70000',
      `${HOST}\nports:\n- {number: 0, name: a}\n- {number: 70000, name: b}`,
      ['8:14 error PH1103 spec.ports[0].number', '9:14 error PH1103 spec.ports[1].number'],
    ],
    [
      'port as text',
      `${HOST}\nports:\n- number: "80"\n  name: a`,
      ['8:13 error PH1004 spec.ports[0].number'],
    ],
    [
      'two ports alike',
      `${HOST}\nports:\n- {number: 1, name: a}\n- {number: 1, name: a}`,
      ['9:14 error PH1104 spec.ports[1].number', '9:23 error PH1104 spec.ports[1].name'],
    ],
    ['port without a name', `${HOST}\nports:\n- number: 80`, ['8:5 error PH1005 spec.ports[0].name']],
    ['bad port name', `${HOST}\nports:\n- {number: 80, name: a_b}`, ['8:24 error PH1119 spec.ports[0].name']],
    [
      'unknown protocol',
      `${HOST}\nports:\n- {number: 80, name: a, protocol: HTP}`,
      ['8:37 error PH1105 spec.ports[0].protocol'],
    ],
    [
      'targetPort with NONE',
      `${HOST}\nports:\n- {number: 80, name: a, targetPort: 81}`,
      ['8:39 warning PH1118 spec.ports[0].targetPort'],
    ],
    [
      'bad targetPort',
      `${HOST}\nresolution: DNS\nports:\n- {number: 80, name: a, targetPort: 99999}`,
      ['9:39 error PH1103 spec.ports[0].targetPort'],
    ],
    // resolution
    [
      'unknown resolution, nothing else judged by it',
      `${HOST}\nresolution: STATIK\n${PORT}\nendpoints: [{address: x}]`,
      ['7:15 error PH1004 spec.resolution'],
    ],
    [
      'NONE with endpoints',
      `${HOST}\n${PORT}\nendpoints: [{address: 10.0.0.1}]`,
      ['8:14 error PH1106 spec.endpoints'],
    ],
    [
      'STATIC with a name',
      `${HOST}\nresolution: STATIC\n${PORT}\nendpoints:\n- address: db.example.com`,
      ['10:14 error PH1108 spec.endpoints[0].address'],
    ],
    [
      'address with a port',
      `${HOST}\nresolution: DNS\n${PORT}\nendpoints:\n- address: db:80`,
      ['10:14 error PH1108 spec.endpoints[0].address'],
    ],
    [
      'DNS with a wildcard',
      `hosts: ["*.a.b"]\nresolution: DNS\n${PORT}`,
      ['6:11 error PH1106 spec.hosts[0]'],
    ],
    [
      'DNS with a Unix socket',
      `${HOST}\nresolution: DNS\n${PORT}\nendpoints: [{address: "unix:///a"}]`,
      ['9:25 error PH1108 spec.endpoints[0].address'],
    ],
    [
      'DNS_ROUND_ROBIN with two',
      `${HOST}\nresolution: DNS_ROUND_ROBIN\n${PORT}\nendpoints: [{address: x.y}, {address: z.y}]`,
      ['9:14 error PH1106 spec.endpoints'],
    ],
    [
      'DYNAMIC_DNS with endpoints',
      `${HOST}\nresolution: DYNAMIC_DNS\n${PORT}\nendpoints: [{address: x.y}]`,
      ['9:14 error PH1106 spec.endpoints'],
    ],
    [
      'DYNAMIC_DNS by TCP',
      `${HOST}\nresolution: DYNAMIC_DNS\nports: [{number: 1, name: a, protocol: TCP}]`,
      ['8:42 error PH1106 spec.ports[0].protocol'],
    ],
    [
      'several hosts by TCP',
      `hosts: [a.b, c.d]\nresolution: DNS\nports: [{number: 1, name: a, protocol: TCP}]`,
      ['8:42 error PH1117 spec.ports[0].protocol'],
    ],
    [
      'selector with DNS',
      `${HOST}\nresolution: DNS\n${PORT}\nworkloadSelector: {labels: {a: b}}`,
      ['9:21 warning PH1118 spec.workloadSelector'],
    ],
    // endpoints and selector
    [
      'both endpoints and selector',
      `${HOST}\nresolution: STATIC\n${PORT}\nendpoints: [{address: 10.0.0.1}]\nworkloadSelector: {labels: {a: b}}`,
      ['10:21 error PH1107 spec.workloadSelector'],
    ],
    [
      'empty selector',
      `${HOST}\nresolution: STATIC\n${PORT}\nworkloadSelector: {}`,
      ['9:21 warning PH1115 spec.workloadSelector'],
    ],
    [
      'wildcard selector',
      `${HOST}\nresolution: STATIC\n${PORT}\nworkloadSelector: {labels: {a: "b*"}}`,
      ['9:34 error PH1114 spec.workloadSelector.labels.a'],
    ],
    [
      'endpoint without address',
      `${HOST}\nresolution: STATIC\n${PORT}\nendpoints:\n- labels: {a: b}`,
      ['10:5 error PH1005 spec.endpoints[0].address'],
    ],
    [
      'endpoint with only a network',
      `${HOST}\nresolution: STATIC\n${PORT}\nendpoints:\n- network: n2`,
      ['10:5 warning PH1118 spec.endpoints[0]'],
    ],
    [
      'unknown endpoint port',
      `${HOST}\nresolution: STATIC\n${PORT}\nendpoints:\n- {address: 10.0.0.1, ports: {htp: 1}}`,
      ['10:33 error PH1110 spec.endpoints[0].ports.htp'],
    ],
    [
      'endpoint port out of range',
      `${HOST}\nresolution: STATIC\n${PORT}\nendpoints:\n- {address: 10.0.0.1, ports: {http: 0}}`,
      ['10:39 error PH1103 spec.endpoints[0].ports.http'],
    ],
    [
      'Unix socket with ports, of two ports, relative',
      `${HOST}\nresolution: STATIC\nports: [{number: 1, name: a}, {number: 2, name: b}]\nendpoints:\n- {address: "unix://x", ports: {a: 1}}`,
      [
        '10:15 error PH1109 spec.endpoints[0].address',
        '10:15 error PH1109 spec.endpoints[0].address',
        '10:34 error PH1109 spec.endpoints[0].ports',
      ],
    ],
    [
      'bad label',
      `${HOST}\nresolution: STATIC\n${PORT}\nendpoints:\n- {address: 10.0.0.1, labels: {app: "a b"}}`,
      ['10:39 error PH1012 spec.endpoints[0].labels.app'],
    ],
    [
      'label that is a number',
      `${HOST}\nresolution: STATIC\n${PORT}\nendpoints:\n- {address: 10.0.0.1, labels: {version: 1.0}}`,
      ['10:43 error PH1004 spec.endpoints[0].labels.version'],
    ],
    [
      'bad locality',
      `${HOST}\nresolution: STATIC\n${PORT}\nendpoints:\n- {address: 10.0.0.1, locality: a//b}`,
      ['10:35 error PH1113 spec.endpoints[0].locality'],
    ],
    [
      'too deep a locality',
      `${HOST}\nresolution: STATIC\n${PORT}\nendpoints:\n- {address: 10.0.0.1, locality: a/b/c/d}`,
      ['10:35 error PH1113 spec.endpoints[0].locality'],
    ],
    [
      'negative weight',
      `${HOST}\nresolution: STATIC\n${PORT}\nendpoints:\n- {address: 10.0.0.1, weight: -1}`,
      ['10:33 error PH1004 spec.endpoints[0].weight'],
    ],
    [
      'unknown health',
      `${HOST}\nresolution: STATIC\n${PORT}\nendpoints:\n- address: 10.0.0.1\n  labels: {pilothouse.io/health: drain}`,
      ['11:36 error PH1116 spec.endpoints[0].labels["pilothouse.io/health"]'],
    ],
    // exportTo
    ['exportTo * and more', `${HOST}\n${PORT}\nexportTo: ["*", a]`, ['8:13 error PH1111 spec.exportTo']],
    ['exportTo ~ and more', `${HOST}\n${PORT}\nexportTo: ["~", a]`, ['8:13 error PH1111 spec.exportTo']],
    ['exportTo twice', `${HOST}\n${PORT}\nexportTo: [".", default]`, ['8:19 error PH1111 spec.exportTo[1]']],
    ['exportTo no namespace', `${HOST}\n${PORT}\nexportTo: [A_b]`, ['8:14 error PH1111 spec.exportTo[0]']],
    // shape
    ['unknown field', `${HOST}\ntimout: 3s\n${PORT}`, ['7:3 error PH1003 spec.timout']],
    [
      'unknown field of a port',
      `${HOST}\nports:\n- {number: 80, name: a, protocl: HTTP}`,
      ['8:27 error PH1003 spec.ports[0].protocl'],
    ],
    [
      'unknown field of an endpoint',
      `${HOST}\nresolution: STATIC\n${PORT}\nendpoints: [{address: 10.0.0.1, wieght: 3}]`,
      ['9:35 error PH1003 spec.endpoints[0].wieght'],
    ],
    ['a map where a list is due', `${HOST}\nports: {number: 80}`, ['7:10 error PH1004 spec.ports']],
    ['a null item', `${HOST}\nports:\n-\n- {number: 80, name: a}`, ['8:3 error PH1004 spec.ports[0]']],
    [
      'everything at once',
      `hosts: ["*"]\nresolution: NONE\nports: [{number: 0, name: x}]\nexportTo: [A]\nfoo: 1`,
      [
        '6:11 error PH1101 spec.hosts[0]',
        '8:20 error PH1103 spec.ports[0].number',
        '9:14 error PH1111 spec.exportTo[0]',
        '10:3 error PH1003 spec.foo',
      ],
    ],
  ])
})

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

suite('documents', () => {
  const rows: readonly (readonly [
    name: string,
    text: string,
    issues: readonly string[],
    objects: number,
    whole?: boolean,
  ])[] = [
    ['nothing', '', [], 0],
    ['comments only', '# nothing\n---\n# here\n', [], 0],
    ['byte order mark and CRLF', `\uFEFF${object('ServiceEntry', HOST).replaceAll('\n', '\r\n')}`, [], 1],
    [
      'several documents',
      `---\n${object('ServiceEntry', HOST)}\n---\n---\n${object('WorkloadEntry', 'address: 1.2.3.4')}\n...\n`,
      [],
      2,
    ],
    ['directives', `%YAML 1.2\n---\n${object('ServiceEntry', HOST)}`, [], 1],
    [
      'JSON',
      '{"apiVersion":"networking.istio.io/v1","kind":"ServiceEntry","metadata":{"name":"a"},"spec":{"hosts":["a.b"]}}',
      [],
      1,
    ],
    [
      'older versions',
      ['v1beta1', 'v1alpha3']
        .map((v) => object('ServiceEntry', HOST, '', `networking.istio.io/${v}`))
        .join('\n---\n')
        .replace('name: a', 'name: b'),
      [],
      2,
    ],
    [
      'a List',
      `apiVersion: v1\nkind: List\nitems:\n- {apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: a}, spec: {hosts: [a.b]}}\n- {apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: b}, spec: {hosts: ["*"]}}`,
      ['5:96 error PH1101 spec.hosts[0]'],
      2,
    ],
    [
      'anchors, aliases and merge',
      `${object('ServiceEntry', `${HOST}\nresolution: STATIC\n${PORT}\nendpoints:\n- &e {address: 10.0.0.1, labels: &l {app: a}}\n- {<<: *e, address: 10.0.0.2}\n- {address: 10.0.0.3, labels: *l}`)}`,
      [],
      1,
    ],
    [
      'an issue behind an alias',
      `${object('ServiceEntry', `hosts: &h [a_b.c]\nsubjectAltNames: *h`)}`,
      ['6:14 error PH1101 spec.hosts[0]'],
      1,
    ],
    ['syntax', 'a: [1\n', ['2:1 error PH1001'], 0, false],
    [
      'a broken document and a good one',
      `a: b: c\n---\n${object('ServiceEntry', HOST)}`,
      ['1:4 error PH1001'],
      1,
      false,
    ],
    ['a key twice', `${object('ServiceEntry', `${HOST}\n${HOST}`)}`, ['7:3 error PH1001'], 0, false],
    ['an alias without an anchor', 'a: *b', ['1:1 error PH1001'], 0, false],
    ['not a map', '- 1\n- 2', ['1:1 error PH1002'], 0, false],
    ['no kind', 'apiVersion: v1\nmetadata: {}', ['1:1 error PH1002'], 0, false],
    [
      'no name',
      'apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {nam: a}\nspec: {}',
      ['3:11 error PH1005 metadata.name'],
      0,
      false,
    ],
    [
      'bad name',
      'apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: A_b}\nspec: {}',
      ['3:18 error PH1012 metadata.name'],
      0,
      false,
    ],
    [
      'bad namespace',
      'apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: a, namespace: a.b}\nspec: {}',
      ['3:32 error PH1012 metadata.namespace'],
      0,
      false,
    ],
    [
      'unknown field of metadata',
      `${object('ServiceEntry', HOST, '\n  lables: {}')}`,
      ['5:3 error PH1003 metadata.lables'],
      1,
    ],
    [
      'unknown field of the object',
      `${object('ServiceEntry', HOST)}\nspecs: {}`,
      ['7:1 error PH1003 specs'],
      1,
    ],
    [
      'unknown version',
      object('ServiceEntry', HOST, '', 'networking.istio.io/v2'),
      ['1:13 error PH1006 apiVersion'],
      0,
      false,
    ],
    ['wrong group', object('ServiceEntry', HOST, '', 'v1'), ['1:13 error PH1006 apiVersion'], 0, false],
    ['misspelt kind', object('ServiceEntri', HOST), ['2:7 error PH1004 kind'], 0, false],
    ['not served: VirtualService', object('VirtualService', 'hosts: [a]'), ['2:7 warning PH1007 kind'], 0],
    [
      'not served: Gateway API',
      object('HTTPRoute', 'x: 1', '', 'gateway.networking.k8s.io/v1'),
      ['2:7 warning PH1007 kind'],
      0,
    ],
    [
      'not ours: ConfigMap',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {}',
      ['2:7 info PH1008 kind'],
      0,
    ],
  ]
  for (const [name, text, expected, objects, whole = true] of rows)
    test(name, () => {
      const content = parse(text)
      assert.deepEqual(issuesOf(text).map(brief), expected)
      assert.equal(content.objects.length, objects)
      assert.equal(content.whole, whole)
    })

  test('an alias bomb is refused', () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
      .split('')
      .map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`)
      .join('\n')}`
    assert.equal(issuesOf(bomb)[0]?.code, 'PH1001')
  })
  test('nested thousands deep is an issue, not the end', () => {
    const deep = '['.repeat(200_000)
    assert.equal(issuesOf(deep)[0]?.code, 'PH1001')
    const json = `{"apiVersion":"networking.istio.io/v1","kind":"ServiceEntry","metadata":{"name":"a"},"spec":{"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`
    assert.ok(['PH1001', 'PH1003'].includes(issuesOf(json)[0]!.code))
    assert.equal(
      parse(json).objects.some((o) => o.object),
      false,
    )
  })
  test('a field called __proto__ is an unknown field', () => {
    const text = object('ServiceEntry', `${HOST}\n__proto__: {resolution: DNS}`)
    assert.deepEqual(issuesOf(text).map(brief), ['7:3 error PH1003 spec.__proto__'])
  })
  test('a remedy shows a value as it was written', () => {
    const [one] = issuesOf(
      'apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: a}\nspec: {address: 10.0.0.1, labels: {version: 1.0}}',
    )
    assert.equal(one?.message, 'version must be a string, not the number 1.0')
    assert.equal(one?.remedy, 'Put it in quotes: "1.0".')
  })
  test('remedies name the field that was meant', () => {
    const remedies = issuesOf(object('ServiceEntry', `${HOST}\nresolution: STATIK\nlocaton: x`)).map(
      (i) => i.remedy,
    )
    assert.deepEqual(remedies.sort(), ['Did you mean "STATIC"?', 'Did you mean "location"?'])
  })
  test('defaults are resolved, content alone makes the version', () => {
    const [a] = parse(object('ServiceEntry', `${HOST}\n${PORT}`)).objects
    const [b] = parse(`# moved\n${object('ServiceEntry', `${PORT}\n${HOST}`)}`).objects
    assert.deepEqual(a!.object!.spec, {
      hosts: ['a.example.com'],
      addresses: [],
      ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
      location: 'MESH_EXTERNAL',
      resolution: 'NONE',
      endpoints: [],
      exportTo: ['*'],
      subjectAltNames: [],
    })
    assert.equal(a!.object!.version, b!.object!.version)
    assert.deepEqual(b!.object!.origin, { source: 'test', object: 'ServiceEntry/default/a', at: 'f.yaml:2' })
  })
})
