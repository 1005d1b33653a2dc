/** Runs in a network namespace of the test: starts applications and makes requests there, told by its parent over IPC. */
import { type App, type AppSpec, startApp } from '../support/apps.ts'
import { perform, type Request } from '../support/requests.ts'

export type Order =
  | { readonly do: 'app'; readonly spec: AppSpec }
  | { readonly do: 'request'; readonly request: Request }
  | { readonly do: 'get'; readonly url: string }

export interface Envelope<Content> {
  readonly id: number
  readonly content: Content
}
export type Reply = { readonly value: unknown } | { readonly error: string }

const apps: App[] = []

async function carryOut(order: Order): Promise<unknown> {
  switch (order.do) {
    case 'app': {
      const app = await startApp(order.spec)
      apps.push(app)
      return { address: app.address, port: app.port }
    }
    case 'request':
      return perform(order.request)
    case 'get': {
      const answer = await fetch(order.url, { signal: AbortSignal.timeout(5000) })
      return { status: answer.status, body: await answer.text() }
    }
  }
}

process.on('message', ({ id, content }: Envelope<Order>) => {
  const reply = (content: Reply) => process.send?.({ id, content } satisfies Envelope<Reply>)
  carryOut(content).then(
    (value) => reply({ value }),
    (error: Error) => reply({ error: error.stack ?? String(error) }),
  )
})
process.once('disconnect', () => process.exit(0))
