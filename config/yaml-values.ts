/**
 * The value of a document without its places: nine times as fast as with them (config/yaml.ts), JSON a hundred times. What
 * the two libraries could take differently is left to the one with places.
 */
import {
  CORE_SCHEMA,
  constructFromEvents,
  defineMappingTag,
  EVENT_ID,
  parseEvents,
  SCALAR_STYLE,
} from 'js-yaml'

export interface QuickValue {
  readonly value: unknown
  /** Where the value begins in the text. */
  readonly start: number
}

/** One document. Undefined: it has to be read with its places, if only to say where it is wrong. */
export function readQuickly(text: string): QuickValue | undefined {
  const start = text.search(/\S/)
  return (text[start] === '{' ? readJson(text, start) : undefined) ?? readPlainYaml(text)
}

function readJson(text: string, start: number): QuickValue | undefined {
  try {
    return { value: JSON.parse(text), start }
  } catch {
    return undefined // A YAML flow map, or wrong.
  }
}

/** Keys are words: what is a number, null or a collection there is written in more than one way. */
const words = defineMappingTag<Record<string, unknown>>('tag:yaml.org,2002:map', {
  create: () => ({}),
  addPair(map, key, value) {
    if (typeof key !== 'string' || key === '<<' || key === '__proto__') return 'not a plain key'
    map[key] = value
    return ''
  },
  has: (map, key) => Object.hasOwn(map, String(key)),
  keys: Object.keys,
  get: (map, key) => map[String(key)],
  identify: () => false,
})
const schema = CORE_SCHEMA.withTags(words)

/**
 * What readers differ in: a lone carriage return, control characters and tabs; the end of a document, an indented start of
 * one; numbers that are too large; something behind the end of a flow collection.
 */
const unusual = [
  /\r(?!\n)|[^\P{Cc}\r\n]|[\u2028\u2029\ufeff]/u,
  /^\.\.\.|^ +---/m,
  /[\d.]e[-+]?\d{3}|\d{300}/i,
  /[}\]] *[^\s,\]}#:]/,
]
/** What may stand behind the closing quote of a text. */
const afterQuote = / *(?:[\r\n,\]}#:]|$)/y

/** Undefined too for anchors, aliases, tags, directives, and keys that are no words. */
function readPlainYaml(text: string): QuickValue | undefined {
  if (unusual.some((it) => it.test(text))) return undefined
  try {
    const events = parseEvents(text, {})
    const [document, first] = events
    if (document?.type !== EVENT_ID.DOCUMENT || document.directives.length > 0 || first === undefined)
      return undefined
    for (const event of events) {
      if (event.type === EVENT_ID.ALIAS) return undefined
      if (event.type === EVENT_ID.SCALAR && isQuoted(event.style)) {
        afterQuote.lastIndex = event.valueEnd + 1
        if (!afterQuote.test(text)) return undefined
      }
      if ('tagStart' in event && (event.tagStart !== -1 || event.anchorStart !== -1)) return undefined
    }
    const [value, ...more] = constructFromEvents(events, { source: text, schema })
    if (more.length > 0 || typeof value !== 'object' || value === null) return undefined
    return { value, start: 'start' in first ? first.start : 0 }
  } catch {
    return undefined // Wrong, or nested too deeply.
  }
}

const isQuoted = (style: number): boolean =>
  style === SCALAR_STYLE.SINGLE_QUOTED || style === SCALAR_STYLE.DOUBLE_QUOTED
