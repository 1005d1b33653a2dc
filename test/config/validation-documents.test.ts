/** What is wrong with a document, whatever its kind, and where. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { HOST, PORT } from './validation-table.ts'
import { brief, issuesOf, object, parse } from './yaml-of.ts'

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
