/** /debug/loadz: the load that clients report, by service port and zone. */
import type { Load, PortLoad } from '#model/load.ts'
import type { Page } from '../paging.ts'
import { answers, query, type Routes, sendList } from '../reply.ts'

export const loadRoutes: Routes = (app, { load }) => {
  app.get<{ Querystring: Page & { service?: string } }>(
    '/debug/loadz',
    {
      schema: {
        summary: 'Load that proxies report (bootstrap --load-reporting), by service port and zones',
        description:
          'In the last interval: requests in a second from clients of one zone (region/zone) to endpoints of another; "" = not known.',
        tags: ['proxies'],
        querystring: query({ service: 'Only this hostname.' }, { paged: true }),
        response: answers('Service ports that have load.'),
      },
    },
    async ({ query }, reply) => sendList(reply, loadsJson(load?.current() ?? [], query.service), query),
  )
}

function* loadsJson(loads: Iterable<PortLoad>, wanted: string | undefined) {
  const chosen = [...loads].filter(({ service }) => wanted === undefined || service === wanted)
  for (const { service, port, from } of chosen.sort(byName))
    yield {
      service,
      port,
      from: fields(from, ({ dropped, to }) => ({ dropped: rounded(dropped), to: fields(to, flowJson) })),
    }
}

const byName = (a: PortLoad, b: PortLoad): number =>
  a.service < b.service ? -1 : a.service > b.service ? 1 : a.port - b.port

const flowJson = ({ requests, errors, inProgress }: Load) => ({
  requests: rounded(requests),
  errors: rounded(errors),
  inProgress,
})

const fields = <T>(map: ReadonlyMap<string, T>, json: (value: T) => object) =>
  Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, json(value)]))

const rounded = (rate: number): number => Math.round(rate * 1000) / 1000
