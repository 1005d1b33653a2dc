import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { issue, issueCodes, remedyFor } from '#config/issue-codes.ts'
import { suggestion } from '#config/suggest.ts'
import { formatPath } from '#config/yaml.ts'
import { parseDuration } from '#support/duration.ts'

suite('words', () => {
  const durations: readonly (readonly [string, number | undefined])[] = [
    ['0', 0],
    ['0s', 0],
    ['10s', 10_000],
    ['1m30s', 90_000],
    ['250ms', 250],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['100us', 0.1],
    ['1h1m1s1ms', 3_661_001],
    ['', undefined],
    ['10', undefined],
    ['10 s', undefined],
    ['-1s', undefined],
    ['1d', undefined],
    ['s', undefined],
    ['1s2', undefined],
  ]
  for (const [text, ms] of durations)
    test(`duration ${JSON.stringify(text)}`, () => assert.equal(parseDuration(text), ms))
  test('did you mean', () => {
    const known = ['timeout', 'retries', 'targetPort']
    assert.equal(suggestion('timout', known), 'Did you mean "timeout"?')
    assert.equal(suggestion('target_port', known), 'Did you mean "targetPort"?')
    assert.equal(suggestion('xyz', known), 'Use one of timeout, retries, targetPort.')
    assert.equal(suggestion('xyz', []), 'Remove it.')
  })
  test('paths', () => {
    assert.equal(formatPath(['spec', 'ports', 0, 'number']), 'spec.ports[0].number')
    assert.equal(formatPath(['metadata', 'labels', 'a.b/c']), 'metadata.labels["a.b/c"]')
  })
  test('every code has a title and a remedy that is a sentence', () => {
    for (const [code, entry] of Object.entries(issueCodes)) {
      assert.match(code, /^PH1\d{3}$/)
      assert.ok(entry.title && !entry.title.endsWith('.'), code)
      assert.match(entry.remedy, /(\.|\{hint\})$/, code)
    }
    assert.equal(remedyFor('PH1006', { version: 'v1' }), 'Use apiVersion v1.')
    assert.deepEqual(issue('PH1009', { message: 'm', at: 'a:1' }), {
      severity: 'error',
      code: 'PH1009',
      message: 'm',
      remedy: 'Rename or remove one of them.',
      at: 'a:1',
    })
  })
})
