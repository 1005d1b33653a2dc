/** /debug/events: what happens, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
import type { ServerResponse } from 'node:http'
import type { AdminEvent } from '../deps.ts'
import type { Routes } from '../reply.ts'

/** A reader that lets this many bytes pile up loses events until it has caught up; it is told how many. */
const MAX_BACKLOG = 1024 * 1024

export const eventRoutes: Routes = (app, { events }) => {
  const open = new Set<ServerResponse>()
  app.addHook('preClose', async () => {
    for (const response of open) response.end()
  })

  app.get(
    '/debug/events',
    {
      exposeHeadRoute: false,
      schema: { summary: 'Changes of the mesh, connects, NACKs, as server-sent events', tags: ['proxies'] },
    },
    (_request, reply) => {
      reply.hijack()
      const response = reply.raw
      response.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      })
      response.write(': connected\n\n')
      open.add(response)
      const stop = events.subscribe(writer(response))
      response.on('close', () => {
        open.delete(response)
        stop()
      })
    },
  )
}

function writer(response: ServerResponse): (event: AdminEvent) => void {
  let dropped = 0
  return ({ type, at, data }) => {
    if (response.writableLength > MAX_BACKLOG) {
      dropped++
      return
    }
    if (dropped > 0) response.write(`event: dropped\ndata: ${JSON.stringify({ events: dropped })}\n\n`)
    dropped = 0
    response.write(`event: ${type.replace(/[\r\n]/g, ' ')}\ndata: ${JSON.stringify({ at, ...data })}\n\n`)
  }
}
