/** What is asked of a DNS server and what of its answers is believed. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Answer, encode, RECURSION_AVAILABLE, TRUNCATED_RESPONSE } from 'dns-packet'
import { ask } from '#registries/dns/client.ts'
import type { Question } from '#registries/dns/message.ts'
import type { Server } from '#registries/dns/transport.ts'
import { type Asked, dnsServer, type Handler, type Reply, reply } from './dns-server.ts'

const A: Question = { name: 'a.test', type: 'A' }
const a = (data: string, ttl = 60, name = 'a.test'): Answer => ({ type: 'A', name, data, ttl })
const alias = (name: string, data: string, ttl = 60): Answer => ({ type: 'CNAME', name, data, ttl })
const soa = (ttl: number, minimum: number): Answer => ({
  type: 'SOA',
  name: 'test',
  ttl,
  data: { mname: 'ns.test', rname: 'x.test', serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
})

const askAll = (servers: readonly Server[], question = A, timeout = 150) =>
  ask(question, { servers, timeout, attempts: 1 }, new AbortController().signal)
const askOne = async (t: TestContext, handle: Handler, question = A) => {
  const fake = await dnsServer(t, handle)
  return { outcome: await askAll([fake.server], question), asked: fake.asked, where: fake.server }
}

for (const [what, answers, addresses, ttl] of [
  [
    'sorted, once each, with the least TTL',
    [a('10.0.0.2'), a('10.0.0.1', 5), a('10.0.0.2')],
    ['10.0.0.1', '10.0.0.2'],
    5_000,
  ],
  [
    'by way of aliases, whose TTL counts',
    [alias('a.test', 'B.test', 7), alias('b.test', 'c.test'), a('10.0.0.1', 60, 'C.test')],
    ['10.0.0.1'],
    7_000,
  ],
  ['of this name only', [a('10.0.0.1'), a('10.6.6.6', 1, 'other.test')], ['10.0.0.1'], 60_000],
  ['without 0.0.0.0, which filters answer', [a('0.0.0.0'), a('10.0.0.1')], ['10.0.0.1'], 60_000],
] as const)
  test(`addresses: ${what}`, async (t) => {
    const { outcome } = await askOne(t, (asked) => [reply(asked, [...answers])])
    assert.ok(outcome.kind === 'records')
    assert.deepEqual([outcome.set.addresses, outcome.set.ttl], [addresses, ttl])
  })

test('IPv6 in one spelling', async (t) => {
  const { outcome } = await askOne(
    t,
    (asked) => [reply(asked, [{ type: 'AAAA', name: 'a.test', data: 'fd00:0:0:0:0:0:0:1', ttl: 1 }])],
    { name: 'a.test', type: 'AAAA' },
  )
  assert.ok(outcome.kind === 'records')
  assert.deepEqual(outcome.set.addresses, ['fd00::1'])
})

test('SRV with the addresses that come along', async (t) => {
  const data = { priority: 1, weight: 5, port: 8080, target: 'X.test' }
  const handle = (asked: Asked) => [
    reply(asked, [{ type: 'SRV', name: '_web._tcp.test', ttl: 30, data }], {
      additionals: [a('10.0.0.1', 9, 'x.test'), a('10.6.6.6', 9, 'evil.test')],
    }),
  ]
  const { outcome } = await askOne(t, handle, { name: '_web._tcp.test', type: 'SRV' })
  assert.ok(outcome.kind === 'records')
  assert.deepEqual(outcome.set.services, [{ ...data, target: 'x.test' }])
  assert.deepEqual(
    outcome.additional.map(({ question, addresses, ttl }) => [question.name, addresses, ttl]),
    [['x.test', ['10.0.0.1'], 9_000]],
  )
})

const negatives: readonly (readonly [string, Reply, string, number])[] = [
  ['NXDOMAIN with its TTL', { rcode: 3, authorities: [soa(300, 20)] }, 'NXDOMAIN', 20_000],
  ['NXDOMAIN of a resolver', { rcode: 3, flags: RECURSION_AVAILABLE }, 'NXDOMAIN', 0],
  ['a name without such records', { authorities: [soa(10, 20)] }, 'NODATA', 10_000],
]
for (const [what, rest, why, ttl] of negatives)
  test(`there is none: ${what}`, async (t) => {
    const { outcome } = await askOne(t, (asked) => [reply(asked, [], rest)])
    assert.deepEqual(outcome, { kind: 'none', why, ttl })
  })

const failures: readonly (readonly [
  string,
  string,
  (asked: Asked) => readonly (ReturnType<typeof reply> | Buffer)[],
])[] = [
  ['SERVFAIL', 'PH3004', (asked) => [reply(asked, [], { rcode: 2 })]],
  ['REFUSED', 'PH3002', (asked) => [reply(asked, [], { rcode: 5 })]],
  ['SERVFAIL with records', 'PH3004', (asked) => [reply(asked, [a('10.0.0.1')], { rcode: 2 })]],
  ['FORMERR twice', 'PH3005', (asked) => [reply(asked, [], { rcode: 1 })]],
  ['a reference to another server', 'PH3005', (asked) => [reply(asked, [], { flags: 0 })]],
  ['an alias that it does not follow', 'PH3005', (asked) => [reply(asked, [alias('a.test', 'b.elsewhere')])]],
  [
    'aliases in a circle',
    'PH3005',
    (asked) => [reply(asked, [alias('a.test', 'b.test'), alias('b.test', 'a.test')])],
  ],
  ['nothing but 0.0.0.0', 'PH3005', (asked) => [reply(asked, [a('0.0.0.0')])]],
  ['silence', 'PH3001', () => []],
  ['noise', 'PH3005', () => [Buffer.from('no answer at all')]],
  [
    'another id',
    'PH3005',
    (asked) => [reply(asked, [a('10.6.6.6')], { id: (asked.packet.id! + 1) % 65_536 })],
  ],
  [
    'another question',
    'PH3005',
    (asked) => [reply(asked, [a('10.6.6.6')], { questions: [{ name: 'b.test', type: 'A' }] })],
  ],
  ['its own question', 'PH3005', (asked) => [{ ...reply(asked, [a('10.6.6.6')]), type: 'query' }]],
  ['half a message', 'PH3005', (asked) => [half(reply(asked, [a('10.0.0.1'), a('10.0.0.2')]))]],
  [
    'cut off, over TCP too',
    'PH3001',
    (asked) => [reply(asked, [a('10.0.0.1')], { flags: TRUNCATED_RESPONSE })],
  ],
]
for (const [what, code, handle] of failures)
  test(`nothing is taken from: ${what}`, async (t) => {
    const { outcome, where } = await askOne(t, handle)
    assert.ok(outcome.kind === 'failed', JSON.stringify(outcome))
    assert.equal(outcome.error.code, code, outcome.error.message)
    assert.match(outcome.error.message, new RegExp(`^127\\.0\\.0\\.1:${where.port}: .*a\\.test A`))
    assert.ok(outcome.error.remedy)
  })

function half(packet: ReturnType<typeof reply>): Buffer {
  const whole = encode(packet)
  return whole.subarray(0, whole.length - 20)
}

test('what is forged meanwhile does not stand in the way of the answer', async (t) => {
  const { outcome } = await askOne(t, (asked) => [
    Buffer.from('noise'),
    reply(asked, [a('10.6.6.6')], { id: (asked.packet.id! + 7) % 65_536 }),
    reply(asked, [a('10.0.0.1')]),
  ])
  assert.ok(outcome.kind === 'records')
  assert.deepEqual(outcome.set.addresses, ['10.0.0.1'])
})

test('what does not fit into a packet comes over TCP', async (t) => {
  const many = Array.from({ length: 300 }, (_, i) => a(`10.1.${i >> 8}.${i & 255}`))
  const { outcome, asked } = await askOne(t, (each) => [
    each.over === 'udp'
      ? reply(each, many.slice(0, 10), { flags: TRUNCATED_RESPONSE | RECURSION_AVAILABLE })
      : reply(each, many),
  ])
  assert.ok(outcome.kind === 'records')
  assert.equal(outcome.set.addresses.length, 300)
  assert.deepEqual(asked, ['udp A a.test', 'tcp A a.test'])
})

test('a server that knows no EDNS is asked without', async (t) => {
  const { outcome, asked } = await askOne(t, (each) => [
    each.packet.additionals?.length
      ? reply(each, [], { rcode: 1, questions: [] })
      : reply(each, [a('10.0.0.1')]),
  ])
  assert.equal(outcome.kind, 'records')
  assert.equal(asked.length, 2)
})

test('the next server is asked where one fails; "there is none" is an answer', async (t) => {
  const bad = await dnsServer(t, (asked) => [reply(asked, [], { rcode: 2 })])
  const good = await dnsServer(t, (asked) => [reply(asked, [], { rcode: 3 })])
  const third = await dnsServer(t, (asked) => [reply(asked, [a('10.0.0.1')])])
  const outcome = await askAll([bad.server, good.server, third.server])
  assert.equal(outcome.kind, 'none')
  assert.deepEqual([bad.asked.length, good.asked.length, third.asked.length], [1, 1, 0])
})

test('a closed port is known at once', async (t) => {
  const gone = await dnsServer(t, () => [])
  const started = performance.now()
  const outcome = await askAll([{ address: '127.0.0.1', port: 1 }, gone.server], A, 5)
  assert.ok(outcome.kind === 'failed' && outcome.error.code === 'PH3001')
  const refused = await askAll([{ address: '127.0.0.1', port: 1 }], A, 60_000)
  assert.ok(
    refused.kind === 'failed' && refused.error.message.includes('ECONNREFUSED'),
    JSON.stringify(refused),
  )
  assert.ok(performance.now() - started < 10_000)
})

test('no server at all', async () => {
  const outcome = await askAll([])
  assert.ok(outcome.kind === 'failed' && outcome.error.message.includes('no DNS server'))
})

test('it can be left on the way', async (t) => {
  const silent = await dnsServer(t, () => [])
  const stop = new AbortController()
  const asking = ask(A, { servers: [silent.server], timeout: 60_000, attempts: 3 }, stop.signal)
  stop.abort(new Error('left'))
  await assert.rejects(asking, /left/)
})
