/** Records answers of a real DNS server into test/wire, as the bytes of the wire: `node test/real/dns/record.ts`. */
import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeQuery } from '#registries/dns/client.ts'
import type { Question } from '#registries/dns/message.ts'
import { binary, startDns } from '../../testbed/index.ts'
import { knotAt } from '../../testbed/knot.ts'

const dns = await startDns()

function answerTo(question: Question): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    socket.once('error', reject)
    socket.once('message', (answer) => {
      socket.close()
      resolve(answer.toString('hex'))
    })
    socket.send(encodeQuery(1, question, true), dns.port, dns.address)
  })
}

try {
  const { knotd, env } = knotAt(await binary('knot'))
  const [, version] = /version (\d\S*)/.exec(execFileSync(knotd, ['-V'], { encoding: 'utf8', env }))!
  await dns.set([
    { name: 'web.test', type: 'A', ttl: 60, values: ['10.0.0.2', '10.0.0.1'] },
    { name: 'web.test', type: 'AAAA', ttl: 30, values: ['fd00::1'] },
    { name: 'alias.test', type: 'CNAME', ttl: 5, values: ['web.test.'] },
    { name: '_web._tcp.test', type: 'SRV', ttl: 20, values: ['0 10 8080 web.test.', '5 1 8081 other.test.'] },
    {
      name: 'many.test',
      type: 'A',
      values: Array.from({ length: 200 }, (_, i) => `10.1.0.${i + 1}`),
    },
  ])
  const messages: Record<string, { readonly question: Question; readonly message: string }> = {}
  for (const [what, name, type] of [
    ['addresses', 'web.test', 'A'],
    ['IPv6', 'web.test', 'AAAA'],
    ['an alias', 'alias.test', 'A'],
    ['SRV', '_web._tcp.test', 'SRV'],
    ['no such name', 'nobody.test', 'A'],
    ['no such records', 'web.test', 'SRV'],
    ['not its zone', 'web.example', 'A'],
    ['too long for UDP', 'many.test', 'A'],
  ] as const)
    messages[what] = { question: { name, type }, message: await answerTo({ name, type }) }
  await dns.fail(true)
  const question: Question = { name: 'web.test', type: 'A' }
  messages['a zone that failed'] = { question, message: await answerTo(question) }
  const folder = join(import.meta.dirname, `../../wire/knot-${version}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'messages.json'), `${JSON.stringify(messages, null, 2)}\n`)
} finally {
  await dns.stop()
}
