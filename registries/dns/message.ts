/** A DNS message as far as it is read (RFC 1035, 2782, 6891), in plain terms. */

export type RecordType = 'A' | 'AAAA' | 'SRV'

export interface Question {
  /** Lower case, without the last dot. */
  readonly name: string
  readonly type: RecordType
}

export const questionKey = ({ name, type }: Question): string => `${type} ${name}`

/** RFC 2782. */
export interface SrvData {
  readonly priority: number
  readonly weight: number
  readonly port: number
  /** Lower case, without the last dot; '' is "this service is not available here". */
  readonly target: string
}

export type DnsRecord = { readonly name: string; readonly ttl: number } & (
  | { readonly type: 'A' | 'AAAA' | 'CNAME'; readonly data: string }
  | { readonly type: 'SRV'; readonly data: SrvData }
  /** `negativeTtl`: how long "there is none" holds, seconds (RFC 2308). */
  | { readonly type: 'SOA'; readonly negativeTtl: number }
)

export interface Message {
  readonly id: number
  readonly response: boolean
  /** RFC 1035 4.1.1, with the upper bits of RFC 6891. */
  readonly rcode: number
  readonly authoritative: boolean
  readonly truncated: boolean
  readonly recursionAvailable: boolean
  readonly questions: readonly { readonly name: string; readonly type: string; readonly class: string }[]
  /** Records of other types are left out. */
  readonly answers: readonly DnsRecord[]
  readonly authorities: readonly DnsRecord[]
  readonly additionals: readonly DnsRecord[]
}

export const NOERROR = 0
export const FORMERR = 1
export const NXDOMAIN = 3

const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']
export const rcodeName = (rcode: number): string => RCODES[rcode] ?? `RCODE ${rcode}`

/** One spelling of a name: lower case, without the last dot. */
export const dnsName = (name: string): string => name.toLowerCase().replace(/\.$/, '')
