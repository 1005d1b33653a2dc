/** What a test opened, closed in reverse order when it ends. */
export interface Cleanup {
  /** Registers; gives back what it was given, so that it fits around a call. */
  add<T>(thing: T, close: (thing: T) => unknown): T
  /** Closes all, last opened first; the first error is thrown when all are closed. */
  end(): Promise<void>
}

export function cleanup(): Cleanup {
  const closers: (() => unknown)[] = []
  return {
    add(thing, close) {
      closers.push(() => close(thing))
      return thing
    },
    async end() {
      const errors: unknown[] = []
      for (const close of closers.splice(0).reverse()) {
        try {
          await close()
        } catch (error) {
          errors.push(error)
        }
      }
      if (errors.length > 0) throw errors[0]
    },
  }
}

type Falsy = false | null | undefined | 0 | ''

/** Waits until `ask` gives something truthy (an exception counts as no); throws `what` when the time is over. */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  timeout = 10_000,
): Promise<Exclude<T, Falsy>> {
  const deadline = Date.now() + timeout
  let last: unknown
  for (let wait = 5; ; wait = Math.min(wait * 2, 100)) {
    try {
      const answer = await ask()
      if (answer) return answer as Exclude<T, Falsy>
      last = answer
    } catch (error) {
      last = error
    }
    if (Date.now() > deadline) throw new Error(`not within ${timeout} ms: ${what} (last: ${last})`)
    await new Promise((resolve) => setTimeout(resolve, wait))
  }
}
