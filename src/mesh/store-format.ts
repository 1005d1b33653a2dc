/**
 * The file that holds what one source said last: JSON lines. First a header, then one object a line, last a line with
 * their number and the SHA-256 of all lines before it, so that a cut or changed file is told from a good one.
 */
import { createHash, type Hash } from 'node:crypto'
import type { ConfigObject } from '#model/config.ts'
import type { Issue } from '#model/issue.ts'
import type { Service, Workload } from '#model/service.ts'
import type { SourceId } from './merge.ts'
import type { Restored, SaidContent } from './said.ts'

export const FORMAT = 'pilothouse-last-snapshot'
export const VERSION = 1
/** Text is handed out in pieces of about this many characters: well under a millisecond of work each. */
const PIECE = 64 * 1024

export interface Saved {
  readonly source: SourceId
  readonly content: SaidContent
  readonly saidAt: Date
}

interface Header {
  readonly format: typeof FORMAT
  readonly version: number
  readonly source: SourceId
  readonly saidAt: string
}
type Line =
  | { readonly service: Service }
  | { readonly workload: Workload }
  | { readonly config: ConfigObject }
  | { readonly issue: Issue }
interface End {
  readonly end: number
  readonly sha256: string
}

function* linesOf({ services, workloads, configs, issues }: SaidContent): Generator<Line> {
  for (const service of services.values()) yield { service }
  for (const workload of workloads.values()) yield { workload }
  for (const config of configs.values()) yield { config }
  for (const issue of issues) yield { issue }
}

/** The file's text in pieces; nothing is computed before it is asked for. */
export function* encode({ source: { name, kind, role }, content, saidAt }: Saved): Generator<string> {
  const hash = createHash('sha256')
  const header: Header = {
    format: FORMAT,
    version: VERSION,
    source: { name, kind, role },
    saidAt: saidAt.toISOString(),
  }
  let piece = `${JSON.stringify(header)}\n`
  let count = 0
  for (const line of linesOf(content)) {
    piece += `${JSON.stringify(line)}\n`
    count++
    if (piece.length < PIECE) continue
    hash.update(piece)
    yield piece
    piece = ''
  }
  const end: End = { end: count, sha256: hash.update(piece).digest('hex') }
  yield `${piece}${JSON.stringify(end)}\n`
}

/** Why a file was not taken: foreign = not of this format, newer = of a later version, corrupt = cut or changed. */
export type Refusal = 'foreign' | 'newer' | 'corrupt'
export type Decoded =
  | { readonly ok: true; readonly restored: Restored & { readonly source: SourceId } }
  | { readonly ok: false; readonly refusal: Refusal; readonly detail: string }

const refuse = (refusal: Refusal, detail: string): Decoded => ({ ok: false, refusal, detail })

const parse = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

const headerOf = (line: string): Header | Decoded => {
  const header = parse(line) as Partial<Header> | null | undefined
  if (header?.format !== FORMAT || typeof header.version !== 'number')
    return refuse('foreign', 'it does not begin as a last snapshot does')
  if (header.version > VERSION)
    return refuse('newer', `it is of version ${header.version}, known is ${VERSION}`)
  const savedAt = new Date(header.saidAt ?? '')
  if (header.source === undefined || Number.isNaN(savedAt.getTime()))
    return refuse('corrupt', 'its header is damaged')
  return header as Header
}

const endsWell = (line: string | undefined, hash: Hash, count: number): boolean => {
  const end = parse(line ?? '') as Partial<End> | null | undefined
  return end?.end === count && end.sha256 === hash.digest('hex')
}

/** `lines` without their line breaks. Content is trusted once its hash is right: it was checked before it was said. */
export const decode = async (lines: AsyncIterable<string> | Iterable<string>): Promise<Decoded> => {
  const hash = createHash('sha256')
  const content = {
    services: [] as Service[],
    workloads: [] as Workload[],
    configs: [] as ConfigObject[],
    issues: [] as Issue[],
  }
  let header: Header | undefined
  let count = 0
  let held: string | undefined
  for await (const line of lines) {
    if (header === undefined) {
      const first = headerOf(line)
      if ('ok' in first) return first
      header = first
      hash.update(`${line}\n`)
      continue
    }
    if (held !== undefined) {
      hash.update(`${held}\n`)
      count++
      const item = parse(held) as Partial<Record<string, unknown>> | undefined
      if (item?.service) content.services.push(item.service as Service)
      else if (item?.workload) content.workloads.push(item.workload as Workload)
      else if (item?.config) content.configs.push(item.config as ConfigObject)
      else if (item?.issue) content.issues.push(item.issue as Issue)
      else return refuse('corrupt', `line ${count + 1} is damaged`)
    }
    held = line
  }
  if (header === undefined) return refuse('foreign', 'it is empty')
  if (!endsWell(held, hash, count)) return refuse('corrupt', 'it is cut off or was changed')
  const { source, saidAt } = header
  return { ok: true, restored: { kind: 'restored', source, savedAt: new Date(saidAt), ...content } }
}
