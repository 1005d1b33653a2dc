/** How routes answer. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { AdminDeps } from './deps.ts'
import { type Page, page, pageSchema } from './paging.ts'
import { arrayText, objectText, readable } from './stream.ts'

/** One file of routes. */
export type Routes = (app: FastifyInstance, deps: AdminDeps) => void

const JSON_TYPE = 'application/json; charset=utf-8'

/** A JSON array, streamed; only the page that was asked for. */
export const sendList = (reply: FastifyReply, items: Iterable<unknown>, asked: Page): FastifyReply =>
  reply.type(JSON_TYPE).send(readable(arrayText(page(items, asked))))

/** A JSON object whose lists are streamed. */
export const sendObject = (reply: FastifyReply, fields: Readonly<Record<string, unknown>>): FastifyReply =>
  reply.type(JSON_TYPE).send(readable(objectText(fields)))

/** Text that is JSON already, streamed. */
export const sendText = (reply: FastifyReply, pieces: Iterable<string>): FastifyReply =>
  reply.type(JSON_TYPE).send(readable(pieces))

const text = (description: string) => ({ type: 'string', description }) as const

/** Parameters by name; `page` adds limit and offset. Anything else is refused with 400. */
export function query(
  parameters: Readonly<Record<string, string>>,
  options: { readonly paged?: boolean } = {},
) {
  const properties = {
    ...Object.fromEntries(Object.entries(parameters).map(([name, description]) => [name, text(description)])),
    ...(options.paged ? pageSchema : {}),
  }
  return { type: 'object', properties, additionalProperties: false } as const
}

/** What /openapi.json says of a 200. */
export const answers = (description: string, schema: object = {}): Record<number, object> => ({
  200: { description, content: { 'application/json': { schema } } },
})

const errorSchema = {
  type: 'object',
  properties: { code: { type: 'string' }, message: { type: 'string' }, remedy: { type: 'string' } },
  required: ['code', 'message', 'remedy'],
} as const

export const failure = (description: string) => ({
  description,
  content: { 'application/json': { schema: errorSchema } },
})
