/** YAML and JSON text to values with places. The only file that imports the library which has them. */
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Node,
  parseDocument,
} from 'yaml'
import { readQuickly } from './yaml-values.ts'

export type Path = readonly (string | number)[]

export interface Place {
  /** From 1. */
  readonly line: number
  readonly column: number
}

export interface SyntaxProblem extends Place {
  readonly message: string
}

export interface ParsedDocument {
  /** undefined: empty or comments only, or `problems` is not empty. */
  readonly value: unknown
  readonly problems: readonly SyntaxProblem[]
  /** Of the value itself, past leading comments. */
  readonly start: Place
  /** Place of the value at `path`, or of its key (`key: true`), or of the nearest parent that exists. */
  locate(path: Path, key?: boolean): Place
  /** The scalar at `path` as it is written; '' if it is none. */
  source(path: Path): string
}

/** One document of a stream: its text and the line it begins on. */
interface Chunk {
  readonly text: string
  readonly line: number
}

/**
 * Cuts a stream at its `---` lines. At the start of a line that is always a document marker (YAML 1.2, 9.1.4: even in
 * a block scalar), so a broken document can't swallow the next one. Directives (`%YAML`) stay with what follows them.
 */
function splitDocuments(text: string): Chunk[] {
  const chunks: Chunk[] = []
  const marker = /^---(?=[ \t\r\n]|$)/gm
  let from = 0
  let line = 1
  const push = (to: number) => {
    const part = text.slice(from, to)
    if (part.trim() !== '') chunks.push({ text: part, line })
    line += countLines(part)
    from = to
  }
  for (let match = marker.exec(text); match; match = marker.exec(text)) {
    const before = text.slice(from, match.index)
    const onlyDirectives = /^%/m.test(before) && before.split(/\r?\n/).every((l) => /^(%.*|#.*|\s*)$/.test(l))
    if (!onlyDirectives) push(match.index)
  }
  push(text.length)
  return chunks
}

function countLines(text: string): number {
  let lines = 0
  for (let i = text.indexOf('\n'); i !== -1; i = text.indexOf('\n', i + 1)) lines++
  return lines
}

/** How a place in a chunk is counted: in the whole file, from 1. */
const placeIn =
  (chunk: Chunk) =>
  (offset: number): Place => {
    const before = chunk.text.slice(0, offset)
    return { line: chunk.line + countLines(before), column: offset - before.lastIndexOf('\n') }
  }

/** Nearly all documents are right: they are read with their places when these are asked for. */
function parseChunk(chunk: Chunk): ParsedDocument {
  const quick = readQuickly(chunk.text)
  if (quick === undefined) return parseYaml(chunk)
  let placed: ParsedDocument | undefined
  const withPlaces = () => (placed ??= parseYaml(chunk))
  return {
    value: quick.value,
    problems: [],
    start: placeIn(chunk)(quick.start),
    locate: (path, key) => withPlaces().locate(path, key),
    source: (path) => withPlaces().source(path),
  }
}

function parseYaml(chunk: Chunk): ParsedDocument {
  const place = placeIn(chunk)
  let doc: Document
  try {
    doc = parseDocument(chunk.text, { prettyErrors: false, merge: true, logLevel: 'silent' })
  } catch (cause) {
    // Nested so deeply that the parser runs out of stack.
    const start = place(0)
    return {
      value: undefined,
      problems: [{ message: oneLine(String(cause)), ...start }],
      start,
      locate: () => start,
      source: () => '',
    }
  }
  const problems: SyntaxProblem[] = doc.errors.map((e) => ({
    message: oneLine(e.message),
    ...place(e.pos[0]),
  }))
  const start = place(doc.contents?.range?.[0] ?? 0)
  let value: unknown
  if (!problems.length) {
    try {
      value = doc.toJS({ maxAliasCount: 100 }) ?? undefined
    } catch (cause) {
      // An alias bomb, or an alias without its anchor.
      problems.push({ message: oneLine(String((cause as Error).message)), ...start })
    }
  }
  return {
    value,
    problems,
    start,
    locate: (path, key) => place(offsetOf(doc, path, key)),
    source: (path) => {
      const node = doc.getIn(path, true)
      return isScalar(node) ? (node.source ?? String(node.value)) : ''
    },
  }
}

/** All documents of a text with its byte order mark removed; empty ones are left out. */
export function* parseDocuments(text: string): Generator<ParsedDocument> {
  for (const chunk of splitDocuments(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text)) {
    const parsed = parseChunk(chunk)
    if (parsed.value !== undefined || parsed.problems.length) yield parsed
  }
}

const oneLine = (message: string): string => message.split('\n')[0]!.replace(/:$/, '')

function offsetOf(doc: Document, path: Path, key = false): number {
  let node: unknown = doc.contents
  let offset = doc.contents?.range?.[0] ?? 0
  for (const [i, segment] of path.entries()) {
    if (isAlias(node)) node = node.resolve(doc)
    const pair = isMap(node)
      ? node.items.find((p) => isPair(p) && keyOf(p.key) === String(segment))
      : undefined
    const next: unknown = pair ? pair.value : isSeq(node) ? node.items[Number(segment)] : undefined
    if (pair === undefined && next === undefined) return offset
    const keyOffset = pair && isNode(pair.key) ? pair.key.range?.[0] : undefined
    const valueOffset = isNode(next) && !isEmpty(next) ? (next as Node).range?.[0] : undefined
    const wantsKey = key && i === path.length - 1
    offset = (wantsKey ? (keyOffset ?? valueOffset) : (valueOffset ?? keyOffset)) ?? offset
    node = next
  }
  return offset
}

const keyOf = (key: unknown): string => String(isScalar(key) ? key.value : key)
const isEmpty = (node: unknown): boolean => isScalar(node) && node.value === null

/** `spec.ports[0].number`, `metadata.labels["app.kubernetes.io/name"]`. */
export function formatPath(path: Path): string {
  let text = ''
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`
    else if (/^[A-Za-z_][\w-]*$/.test(segment)) text += text ? `.${segment}` : segment
    else text += `[${JSON.stringify(segment)}]`
  }
  return text
}
