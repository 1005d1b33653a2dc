/** What a server's answer means: records, an authentic "there is none", or nothing that may be believed. Pure. */
import { isIPv4, isIPv6 } from 'node:net'
import type { PilotError } from '#model/issue.ts'
import { canonicalAddress } from '#support/address.ts'
import { registryError } from '../trouble.ts'
import {
  type DnsRecord,
  type Message,
  NOERROR,
  NXDOMAIN,
  type Question,
  questionKey,
  rcodeName,
  type SrvData,
} from './message.ts'

/** The records of one question. */
export interface RecordSet {
  readonly question: Question
  /** Milliseconds that it holds, the least of its records'. */
  readonly ttl: number
  /** Of A and AAAA. */
  readonly addresses: readonly string[]
  /** Of SRV. */
  readonly services: readonly SrvData[]
}

export type Outcome =
  /** `additional`: addresses of SRV targets, which came along. */
  | { readonly kind: 'records'; readonly set: RecordSet; readonly additional: readonly RecordSet[] }
  /** The name does not exist, or has no such records; `ttl` in ms. */
  | { readonly kind: 'none'; readonly why: 'NXDOMAIN' | 'NODATA'; readonly ttl: number }
  | { readonly kind: 'failed'; readonly error: PilotError }

/** Aliases of aliases beyond this are a loop or an attack. */
const MAX_ALIASES = 16
/** Records of one answer beyond this are not taken: a message over TCP could hold 4,000. */
const MAX_RECORDS = 5_000

/** `server` is for the error's words. The message fits the question and is not truncated. */
export function readAnswer(question: Question, message: Message, server: string): Outcome {
  const failed = (code: 'PH3002' | 'PH3004' | 'PH3005', what: string): Outcome => ({
    kind: 'failed',
    error: registryError(code, `${server}: ${what} for ${question.name} ${question.type}.`),
  })
  const { rcode } = message
  if (rcode !== NOERROR && rcode !== NXDOMAIN) return failed(codeOf(rcode), rcodeName(rcode))
  const end = followAliases(question.name, message.answers)
  if (!end) return failed('PH3005', 'aliases that lead in a circle')
  const set = recordSet(question, end.name, message.answers, end.ttl)
  if (set) return { kind: 'records', set, additional: rcode === NOERROR ? additionalSets(set, message) : [] }
  if (message.answers.some(({ type, name }) => type === question.type && name === end.name))
    return failed('PH3005', 'records that are none')
  // Who neither owns the name nor asks others for it does not know whether it exists.
  const passedOn = end.name !== question.name && !message.recursionAvailable
  if ((!message.authoritative && !message.recursionAvailable) || (passedOn && rcode !== NXDOMAIN))
    return failed('PH3005', 'a reference to another server, which is not followed,')
  const soa = message.authorities.find((record) => record.type === 'SOA')
  const ttl = Math.min(soa?.ttl ?? 0, soa?.negativeTtl ?? 0) * 1000
  return { kind: 'none', why: rcode === NXDOMAIN ? 'NXDOMAIN' : 'NODATA', ttl }
}

const codeOf = (rcode: number) =>
  rcode === 5 ? 'PH3002' : rcode === 1 || rcode === 4 || rcode > 5 ? 'PH3005' : 'PH3004'

/** Where a name's aliases (CNAME) lead within one answer; undefined: nowhere. `ttl` in seconds. */
function followAliases(
  name: string,
  answers: readonly DnsRecord[],
): { readonly name: string; readonly ttl: number } | undefined {
  let ttl = Number.POSITIVE_INFINITY
  for (let hops = 0; hops <= MAX_ALIASES; hops++) {
    const alias = answers.find((record) => record.type === 'CNAME' && record.name === name)
    if (alias?.type !== 'CNAME') return { name, ttl }
    ttl = Math.min(ttl, alias.ttl)
    name = alias.data
  }
  return undefined
}

/** Undefined where there are no (sound) records of that name and type. */
function recordSet(
  question: Question,
  owner: string,
  records: readonly DnsRecord[],
  aliasTtl = Number.POSITIVE_INFINITY,
): RecordSet | undefined {
  const addresses = new Set<string>()
  const services: SrvData[] = []
  let seconds = aliasTtl
  for (const record of records) {
    if (
      record.type !== question.type ||
      record.name !== owner ||
      addresses.size + services.length >= MAX_RECORDS
    )
      continue
    if (record.type === 'SRV') services.push(record.data)
    else if (isAddress(record.data, record.type)) addresses.add(canonicalAddress(record.data))
    else continue
    seconds = Math.min(seconds, record.ttl)
  }
  if (addresses.size + services.length === 0) return undefined
  return {
    question,
    ttl: seconds * 1000,
    // Servers turn the order round with each answer; that is no change.
    addresses: [...addresses].sort(),
    services: services.sort(byContent),
  }
}

/** 0.0.0.0 and :: are what filters answer for a name that they block, and would be the proxy's own host. */
const isAddress = (text: string, type: 'A' | 'AAAA'): boolean =>
  type === 'A' ? isIPv4(text) && text !== '0.0.0.0' : isIPv6(text) && canonicalAddress(text) !== '::'

const byContent = (a: SrvData, b: SrvData): number =>
  a.priority - b.priority ||
  (a.target < b.target ? -1 : a.target > b.target ? 1 : 0) ||
  a.port - b.port ||
  a.weight - b.weight

function additionalSets(set: RecordSet, { additionals }: Message): readonly RecordSet[] {
  const sets = new Map<string, RecordSet>()
  for (const { target } of set.services) {
    for (const type of ['A', 'AAAA'] as const) {
      const question = { name: target, type }
      const found = sets.has(questionKey(question)) ? undefined : recordSet(question, target, additionals)
      if (found) sets.set(questionKey(question), found)
    }
  }
  return [...sets.values()]
}
