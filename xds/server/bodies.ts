/**
 * What many clients are told is written once: the resources of a response as bytes, kept while equal responses are
 * still being sent. It is cut into pieces by count, so that clients whose resources differ in a few share the others:
 * a thousand that start at once hold the bytes of one.
 */
import type { Resource } from '../resources.ts'

export interface Bodies {
  /** The bytes of these resources in this form (`variant`), in pieces; `write` makes those that aren't there. */
  get(variant: string, resources: readonly Resource[], write: Write): readonly Buffer[]
  close(): void
}
type Write = (resources: readonly Resource[]) => Buffer

interface Body {
  readonly variant: string
  readonly resources: readonly Resource[]
  readonly bytes: Buffer
  /** Asked for since the last look. */
  used: boolean
}

/** Resources: some 64 kB. */
const PIECE = 64
/** A body that nobody asked for in so many ms is let go. */
const KEPT_MS = 2000
/** All together; what comes beyond is written for each who asks. */
const MAX_BYTES = 128 * 1024 * 1024

export function createBodies({ maxBytes = MAX_BYTES, keptMs = KEPT_MS } = {}): Bodies {
  /** By the first resource, which tells most of them apart. */
  const bodies = new Map<Resource, Body[]>()
  let size = 0
  let timer: NodeJS.Timeout | undefined

  function letGo(): void {
    for (const [first, some] of bodies) {
      const kept = some.filter(({ used }) => used)
      for (const each of some) {
        if (!each.used) size -= each.bytes.length
        each.used = false
      }
      if (kept.length === 0) bodies.delete(first)
      else bodies.set(first, kept)
    }
    timer = bodies.size === 0 ? undefined : setTimeout(letGo, keptMs).unref()
  }

  function piece(variant: string, resources: readonly Resource[], write: Write): Buffer {
    const first = resources[0]!
    const some = bodies.get(first)
    const known = some?.find((each) => each.variant === variant && sameItems(each.resources, resources))
    if (known) {
      known.used = true
      return known.bytes
    }
    const bytes = write(resources)
    if (size + bytes.length > maxBytes) return bytes
    size += bytes.length
    const body = { variant, resources, bytes, used: true }
    if (some) some.push(body)
    else bodies.set(first, [body])
    timer ??= setTimeout(letGo, keptMs).unref()
    return bytes
  }

  return {
    get: (variant, resources, write) => pieces(resources).map((each) => piece(variant, each, write)),
    close() {
      clearTimeout(timer)
      bodies.clear()
      size = 0
    },
  }
}

/** Nothing is kept. */
export const noBodies: Bodies = { get: (_, resources, write) => [write(resources)], close: () => {} }

const cut = new WeakMap<readonly Resource[], readonly (readonly Resource[])[]>()

/** The same ones for the same list. */
function pieces(resources: readonly Resource[]): readonly (readonly Resource[])[] {
  if (resources.length <= PIECE) return [resources]
  const known = cut.get(resources)
  if (known !== undefined) return known
  const all: Resource[][] = []
  for (let at = 0; at < resources.length; at += PIECE) all.push(resources.slice(at, at + PIECE))
  cut.set(resources, all)
  return all
}

function sameItems(a: readonly Resource[], b: readonly Resource[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = a.length - 1; i >= 0; i--) if (a[i] !== b[i]) return false
  return true
}
