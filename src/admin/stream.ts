/** JSON of any length in pieces: a list is written item by item, so that no answer is ever one giant string. */
import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'

const CHUNK = 32 * 1024

/** One JSON array. */
export function* arrayText(items: Iterable<unknown>): Iterable<string> {
  let separator = '['
  for (const item of items) {
    yield separator + JSON.stringify(item)
    separator = ','
  }
  yield separator === '[' ? '[]' : ']'
}

/** One JSON object whose fields are values, or lists written item by item. A field that is undefined is left out. */
export function* objectText(fields: Readonly<Record<string, unknown>>): Iterable<string> {
  let separator = '{'
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue
    yield `${separator}${JSON.stringify(name)}:`
    if (isList(value)) yield* arrayText(value)
    else yield JSON.stringify(value)
    separator = ','
  }
  yield separator === '{' ? '{}' : '}'
}

/** Pieces of about 32 KiB, made as the client reads. */
export function readable(pieces: Iterable<string>): Readable {
  return Readable.from(grouped(pieces), { objectMode: false })
}

/** A turn of the event loop between pieces: however long an answer is, the proxies' streams don't wait for it. */
async function* grouped(pieces: Iterable<string>): AsyncIterable<Buffer> {
  let text = ''
  for (const piece of pieces) {
    text += piece
    if (text.length < CHUNK) continue
    yield Buffer.from(text)
    text = ''
    await nextTurn()
  }
  if (text !== '') yield Buffer.from(text)
}

const isList = (value: unknown): value is Iterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.iterator in value
