/** What is wrong with a ServiceEntry, and where. */
import { suite } from 'node:test'
import { HOST, PORT, table } from './validation-table.ts'

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
