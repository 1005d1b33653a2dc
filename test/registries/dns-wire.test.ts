/** What a real server (Knot 3.2.6) answered, byte by byte: recorded by test/real/dns/record.ts. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { readAnswer } from '#registries/dns/answer.ts'
import { readMessage } from '#registries/dns/client.ts'
import type { Question } from '#registries/dns/message.ts'

const recorded: Readonly<Record<string, { readonly question: Question; readonly message: string }>> =
  JSON.parse(readFileSync('test/wire/knot-3.2.6/messages.json', 'utf8'))

const message = (what: string) => readMessage(Buffer.from(recorded[what]!.message, 'hex'))!
const outcome = (what: string) => readAnswer(recorded[what]!.question, message(what), 'knot')

test('records, with the least TTL on the way to them', () => {
  const set = (what: string) => {
    const found = outcome(what)
    assert.ok(found.kind === 'records', what)
    const { ttl, addresses, services } = found.set
    return { ttl, addresses, services, additional: found.additional.map(({ question }) => question.name) }
  }
  const none = { services: [], additional: [] }
  assert.deepEqual(set('addresses'), { ttl: 60_000, addresses: ['10.0.0.1', '10.0.0.2'], ...none })
  assert.deepEqual(set('IPv6'), { ttl: 30_000, addresses: ['fd00::1'], ...none })
  assert.deepEqual(set('an alias'), { ttl: 5_000, addresses: ['10.0.0.1', '10.0.0.2'], ...none })
  const { services, ttl } = set('SRV')
  assert.equal(ttl, 20_000)
  assert.deepEqual(
    services.map(({ priority, weight, port, target }) => `${priority} ${weight} ${port} ${target}`),
    ['0 10 8080 web.test', '5 1 8081 other.test'],
  )
})

test('there is none: for as long as the SOA says', () => {
  assert.deepEqual(outcome('no such name'), { kind: 'none', why: 'NXDOMAIN', ttl: 1_000 })
  assert.deepEqual(outcome('no such records'), { kind: 'none', why: 'NODATA', ttl: 1_000 })
})

test('what is no answer', () => {
  for (const [what, code] of [
    ['not its zone', 'PH3002'],
    ['a zone that failed', 'PH3004'],
  ] as const) {
    const found = outcome(what)
    assert.ok(found.kind === 'failed' && found.error.code === code, what)
  }
  assert.equal(message('too long for UDP').truncated, true, 'asked again over TCP')
})
