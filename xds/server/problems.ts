/** What is wrong with the requests of a stream, in words for its client. */
import type { TypeUrl } from '../resources.ts'
import type { XdsLimits } from './limits.ts'
import type { Machine } from './state.ts'

export const noNode = 'the first request of a stream must carry node.id; set it in the bootstrap'
export const noType = 'the request has no type_url, which an aggregated stream needs'

export const otherType = (served: TypeUrl, asked: TypeUrl): string =>
  `this service serves ${served}, not ${asked}`

export function overLimit({ subs }: Machine, limits: XdsLimits): string | undefined {
  if (subs.length > limits.maxTypes) return `more than ${limits.maxTypes} types on one stream`
  let names = 0
  for (const sub of subs) names += sub.names.size
  return names > limits.maxNames ? `more than ${limits.maxNames} names on one stream` : undefined
}
