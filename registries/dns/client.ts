/**
 * Asks DNS servers. Node's own resolver tells no TTL for SRV records, so messages are made and read by dns-packet, which
 * nobody else imports.
 */
import { randomInt } from 'node:crypto'
import { type Answer, decode, encode, RECURSION_DESIRED } from 'dns-packet'
import { reasonOf, registryError } from '../trouble.ts'
import { type Outcome, readAnswer } from './answer.ts'
import { type DnsRecord, dnsName, FORMERR, type Message, type Question } from './message.ts'
import { type Exchange, overTcp, overUdp, type Server, shownServer, TimeoutError } from './transport.ts'

export interface Servers {
  readonly servers: readonly Server[]
  /** Of one question to one server, ms. */
  readonly timeout: number
  /** How often all servers are asked. */
  readonly attempts: number
}

/** What fits into one packet on every path (DNS flag day 2020). */
const UDP_SIZE = 1232

/** Asks one server after the other, as resolvers do, until one of them knows. Rejects only if aborted. */
export async function ask(
  question: Question,
  { servers, timeout, attempts }: Servers,
  signal: AbortSignal,
): Promise<Outcome> {
  let last: Outcome = {
    kind: 'failed',
    error: registryError(
      'PH3001',
      'There is no DNS server to ask: neither in the settings nor in /etc/resolv.conf.',
    ),
  }
  for (let attempt = 0; attempt < attempts; attempt++) {
    for (const server of servers) {
      last = await askOne(question, { server, timeout, signal })
      if (last.kind !== 'failed') return last
    }
  }
  return last
}

type Way = Pick<Exchange<Message>, 'server' | 'timeout' | 'signal'>

async function askOne(question: Question, way: Way): Promise<Outcome> {
  const where = shownServer(way.server)
  try {
    let message = await exchange(question, way, true)
    // Servers from before 1999 know no EDNS.
    if (message.rcode === FORMERR) message = await exchange(question, way, false)
    return readAnswer(question, message, where)
  } catch (error) {
    way.signal.throwIfAborted()
    const garbage = error instanceof TimeoutError && error.garbage
    const what = `${where}: ${reasonOf(error)} (${question.name} ${question.type}).`
    return { kind: 'failed', error: registryError(garbage ? 'PH3005' : 'PH3001', what) }
  }
}

async function exchange(question: Question, way: Way, edns: boolean): Promise<Message> {
  const id = randomInt(0x10000)
  const query = encodeQuery(id, question, edns)
  const read = (bytes: Buffer): Message | undefined => {
    const message = readMessage(bytes)
    return message && answers(message, id, question) ? message : undefined
  }
  const short = await overUdp({ ...way, query, read })
  if (!short.truncated) return short
  const whole = await overTcp({ ...way, query, read })
  if (whole.truncated) throw new Error('the answer is cut off, over TCP too')
  return whole
}

const answers = (message: Message, id: number, { name, type }: Question): boolean =>
  message.response &&
  message.id === id &&
  // A server that did not understand the question may leave it out.
  (message.questions.length === 1
    ? message.questions[0]!.name === name &&
      message.questions[0]!.type === type &&
      message.questions[0]!.class === 'IN'
    : message.questions.length === 0 && message.rcode !== 0 && message.rcode !== 3)

export const encodeQuery = (id: number, { name, type }: Question, edns: boolean): Buffer =>
  encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ name, type, class: 'IN' }],
    ...(edns && {
      additionals: [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: UDP_SIZE,
          extendedRcode: 0,
          ednsVersion: 0,
          flags: 0,
          flag_do: false,
          options: [],
        },
      ],
    }),
  })

/** Undefined: no DNS message. */
export function readMessage(bytes: Buffer): Message | undefined {
  try {
    const packet = decode(bytes)
    const additionals = packet.additionals ?? []
    const opt = additionals.find((record) => record.type === 'OPT')
    return {
      id: packet.id ?? 0,
      response: packet.flag_qr,
      rcode: ((packet.flags ?? 0) & 0xf) + (opt?.extendedRcode ?? 0) * 16,
      authoritative: packet.flag_aa,
      truncated: packet.flag_tc,
      recursionAvailable: packet.flag_ra,
      questions: (packet.questions ?? []).map((question) => ({
        name: dnsName(question.name),
        type: question.type,
        class: question.class ?? 'IN',
      })),
      answers: (packet.answers ?? []).flatMap(record),
      authorities: (packet.authorities ?? []).flatMap(record),
      additionals: additionals.flatMap(record),
    }
  } catch {
    return undefined
  }
}

function record(answer: Answer): DnsRecord[] {
  if (answer.type === 'OPT' || (answer as { class?: string }).class !== 'IN') return []
  const common = { name: dnsName(answer.name), ttl: ttlOf(answer.ttl) }
  switch (answer.type) {
    case 'A':
    case 'AAAA':
      return [{ ...common, type: answer.type, data: answer.data }]
    case 'CNAME':
      return [{ ...common, type: 'CNAME', data: dnsName(answer.data) }]
    case 'SRV': {
      const { priority = 0, weight = 0, port, target } = answer.data
      return [{ ...common, type: 'SRV', data: { priority, weight, port, target: dnsName(target) } }]
    }
    case 'SOA':
      return [{ ...common, type: 'SOA', negativeTtl: answer.data.minimum ?? 0 }]
    default:
      return []
  }
}

/** RFC 2181 8: what has the highest bit set means 0. */
const ttlOf = (seconds = 0): number => (seconds > 0x7fffffff ? 0 : seconds)
