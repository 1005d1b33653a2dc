/** Lists of names as they stand in requests: many clients send the same bytes, which are decoded and kept once. */
export interface NameList {
  readonly raw: Buffer
  readonly names: readonly string[]
}

export interface NameLists {
  /** What was asked for last: likely what comes next. */
  readonly recent: Iterable<NameList>
  /** The list of these bytes; `decode` is asked if they are new. */
  get(raw: Buffer, decode: (raw: Buffer) => readonly string[]): NameList
}

/** Shorter ones cost less than looking them up. */
const SMALL = 256
const RECENT = 4
/** Together; then it begins anew, and who has a list keeps it. */
const MAX_BYTES = 16 * 1024 * 1024

export function createNameLists({ maxBytes = MAX_BYTES } = {}): NameLists {
  const lists = new Map<number, NameList[]>()
  let size = 0
  let recent: readonly NameList[] = []
  return {
    get recent() {
      return recent
    },
    get(raw, decode) {
      if (raw.length < SMALL) return own(raw, decode)
      const some = lists.get(raw.length)
      const known = some?.find((each) => each.raw.equals(raw))
      if (known) return known
      if (size + raw.length > maxBytes) {
        lists.clear()
        size = 0
      }
      size += raw.length
      const list = own(raw, decode)
      lists.set(raw.length, [...(lists.get(raw.length) ?? []), list])
      recent = [list, ...recent].slice(0, RECENT)
      return list
    },
  }
}

/** Without sharing. */
export const noNameLists: NameLists = { recent: [], get: own }

/** A copy: what came from the socket shares its memory with other messages. */
function own(raw: Buffer, decode: (raw: Buffer) => readonly string[]): NameList {
  return { raw: Buffer.from(raw), names: decode(raw) }
}
