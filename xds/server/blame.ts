/** Which resources a client means when it refuses a response: in the protocol its message alone says it. */

/** So few are searched for letter by letter, too, if none is a word of the message. */
const FEW = 50

/** Those of the names that the message names. */
export function namedIn(message: string, names: readonly string[]): readonly string[] {
  const words = wordsOf(message)
  const named = names.filter((name) => words.has(name))
  if (named.length > 0 || names.length > FEW) return named
  return names.filter((name) => name !== '' && message.includes(name))
}

/** What may stand between names; names have some of it themselves (`[::]_80`, `xdstp://…?a=b`). */
const separators = [/\s+/, /[\s"'`]+/, /[\s"'`(){}<>=,;]+/]
/** What may follow a name: `outbound|80||a: no such …`. */
const CLOSING = '.:,;!]'
const MAX_CLOSING = 3

function wordsOf(message: string): ReadonlySet<string> {
  const words = new Set<string>()
  for (const separator of separators)
    for (const word of message.split(separator)) {
      let end = word.length
      for (let closing = 0; closing <= MAX_CLOSING && end > 0; closing++) {
        words.add(word.slice(0, end))
        if (word.startsWith('[')) words.add(word.slice(1, end))
        if (!CLOSING.includes(word[--end]!)) break
      }
    }
  words.delete('')
  return words
}
