/** Values that are read quickly are those that are read with their places: compared on real files, and on broken ones. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseDocument } from 'yaml'
import { readQuickly } from '#config/yaml-values.ts'

const documents = globSync('{config,deploy,src,test}/**/*.{yaml,yml}')
  .flatMap((file) => readFileSync(file, 'utf8').split(/^(?=---)/m))
  .filter((text) => text.trim() !== '')

const everyKind = `a: 1
b: [x, {y: 2}]
c:
- "q"
- 'r'
d: |
  line
  two
e: >-
  folded
  text
f: ~
g: 0x1f
h: 012
i: 1e3
j: -0
k: 1_000
l: 2001-01-01
m: yes
n: True
o: plain
  text
p: .inf
`
const texts = [...documents, everyKind]

function withPlaces(text: string): { value: unknown; start: number } | undefined {
  const document = parseDocument(text, { prettyErrors: false, merge: true, logLevel: 'silent' })
  if (document.errors.length > 0) return undefined
  return { value: document.toJS(), start: document.contents?.range?.[0] ?? 0 }
}

const same = (text: string): void => {
  const quick = readQuickly(text)
  if (quick !== undefined) assert.deepEqual(quick, withPlaces(text), JSON.stringify(text))
}

describe('reading YAML quickly', () => {
  test('takes what people write, and gives what is read with places', () => {
    for (const text of texts) same(text)
    const quick = texts.filter((text) => readQuickly(text) !== undefined)
    assert.ok(texts.length > 50 && quick.length > texts.length * 0.8, `${quick.length} of ${texts.length}`)
  })

  const left: Readonly<Record<string, string>> = {
    'an anchor': 'a: &x 1\nb: 2',
    'an alias': 'a: *x',
    'a tag': 'a: !!str 1',
    'a directive': '%YAML 1.2\n---\na: 1',
    'a merge': 'a: {<<: {b: 1}}',
    'a number as a key': '80: a',
    'null as a key': '~: a',
    'a key that is no text': '[a]: b',
    'a key that stands twice': 'a: 1\na: 2',
    'an end of a document': '...\n---\na: 1',
    'a lone carriage return': 'a: 1\rb: 2',
    'a tab': 'a:\t1',
    'a byte order mark': 'a: \ufeff1',
    'a number beyond all numbers': 'a: 1e400',
    'something behind a flow map': 'a:\n- {b: 1}  c: 2',
    'something behind a quoted text': "a:\n- 'b'c: 2",
    'two documents': 'a: 1\n---\nb: 2',
    nothing: '# only this\n',
    'a text': 'just words',
    'a thousand levels': `${'a: {'.repeat(1000)}${'}'.repeat(1000)}`,
  }
  for (const [what, text] of Object.entries(left)) {
    test(`leaves ${what} to the other`, () => assert.equal(readQuickly(text), undefined))
  }

  test('never takes broken text for something else than it is read as with places', () => {
    const signs = [
      '- ',
      ': ',
      '? ',
      '-',
      '#',
      '"',
      "'",
      '|',
      '>',
      '|2\n',
      '&a ',
      '*a',
      '!x ',
      '<<: ',
      '%',
      '@',
    ]
    const brackets = ['[', ']', '{', '}', ',', '---\n', '...\n']
    const spaces = ['\n', '  ', '\r\n', '\r', '\t', '\0']
    const words = ['null', '.5', '0o7', '1e400', '.nan', '\\x41']
    const tokens = ['', ...signs, ...brackets, ...spaces, ...words]
    const part = fc.record({ at: fc.nat(), cut: fc.nat(4), put: fc.constantFrom(...tokens) })
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.array(part, { maxLength: 4 }), (text, parts) => {
        same(
          parts.reduce((broken, { at, cut, put }) => {
            const from = at % (broken.length + 1)
            return broken.slice(0, from) + put + broken.slice(from + cut)
          }, text),
        )
      }),
      { numRuns: 1000, seed: 1 },
    )
  })
})
