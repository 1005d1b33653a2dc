/** One resource source in the place of another, under open streams: what is the same in both is not sent again. */
import { Observable, type Subscriber, type Subscription } from 'rxjs'
import type { Node, ResourceSource, ResourceUpdate } from '#xds/resources.ts'

export interface SwitchedSource {
  /** Always this one; what it emits comes from the source in force. */
  readonly source: ResourceSource
  /**
   * Moves all connections to `next`, each in one step: its first update, marked 'all', replaces what the one before
   * said, and the protocol compares versions. Between slices of work others get a turn. Resolves when nobody listens
   * to the source before.
   */
  swap(next: ResourceSource): Promise<void>
}

/** How long connections are moved before others get a turn, ms. */
const SLICE = 10

export interface SwitchDeps {
  /** Milliseconds that only grow. */
  readonly now: () => number
  /** Resolves when others have had their turn. */
  readonly turn: () => Promise<unknown>
}

interface Connection {
  readonly node: Node
  readonly subscriber: Subscriber<ResourceUpdate>
  from?: ResourceSource
  inner?: Subscription
}

export function switchedSource(first: ResourceSource, { now, turn }: SwitchDeps): SwitchedSource {
  const connections = new Set<Connection>()
  let current = first

  /** The one before goes on until the new one has spoken. */
  function attach(connection: Connection): void {
    const before = connection.inner
    const { subscriber, node } = connection
    let release = () => {
      release = () => {}
      before?.unsubscribe()
    }
    connection.from = current
    connection.inner = undefined
    const inner = current.connect(node).subscribe({
      next: (update) => {
        release()
        subscriber.next(update)
      },
      error: (error) => {
        release()
        subscriber.error(error)
      },
    })
    inner.add(() => release())
    if (connections.has(connection)) connection.inner = inner
    else inner.unsubscribe()
  }

  function connect(node: Node): Observable<ResourceUpdate> {
    return new Observable((subscriber) => {
      const connection: Connection = { node, subscriber }
      connections.add(connection)
      subscriber.add(() => {
        connections.delete(connection)
        connection.inner?.unsubscribe()
      })
      attach(connection)
    })
  }

  return {
    source: { connect },
    async swap(next) {
      current = next
      let since = now()
      for (const connection of [...connections]) {
        if (now() - since >= SLICE) {
          await turn()
          since = now()
        }
        if (connections.has(connection) && connection.from !== current) attach(connection)
      }
    },
  }
}
