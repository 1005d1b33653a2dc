/** What a server replied to `/apps` and `/apps/delta`, as content or as an error; nothing in between. */
import type { PilotError } from '#model/issue.ts'
import { codeOfStatus, connectionError, registryError } from '../trouble.ts'
import { reconcileHash } from './catalogue.ts'
import type { Reply } from './client.ts'
import type { EurekaServer } from './service-urls.ts'
import { type Applications, parseApplications } from './wire.ts'

export type Answer =
  | { readonly kind: 'applications'; readonly applications: Applications; readonly date: number | undefined }
  | {
      readonly kind: 'error'
      readonly error: PilotError
      /** Absent: there was no HTTP answer. */
      readonly status?: number
      readonly retryAfter?: number
    }

/** All of `/apps`: an answer whose own hash does not fit what it lists is half an answer. */
export function fullAnswer(server: EurekaServer, reply: Reply): Answer {
  const answer = readAnswer(server, '/apps', reply)
  if (answer.kind === 'error') return answer
  const { hash, instances } = answer.applications
  const found = reconcileHash(instances)
  if (!hash || hash === found) {
    if (hash !== '' || instances.length === 0) return answer
    // Other makes of Eureka leave the hash empty.
    return { ...answer, applications: { hash: undefined, instances } }
  }
  const where = `${server.url}/apps`
  const words = `${where}: the answer is not whole: its instances are ${found || 'none'}, its hash is ${hash}.`
  return { kind: 'error', error: registryError('PH3005', words) }
}

export const deltaAnswer = (server: EurekaServer, reply: Reply): Answer =>
  readAnswer(server, '/apps/delta', reply)

/** Whether a server has no deltas (`eureka.server.disable-delta`), while it may well answer in full. */
export const refusesDelta = (answer: Answer): boolean =>
  answer.kind === 'error' && answer.status !== undefined && [403, 404, 405, 501].includes(answer.status)

function readAnswer(server: EurekaServer, path: string, reply: Reply): Answer {
  const where = `${server.url}${path}`
  if (reply.kind === 'failed') return { kind: 'error', error: connectionError(reply.error, where) }
  const { status, retryAfter } = reply
  if (status !== 200) return { kind: 'error', error: statusError(where, status), status, retryAfter }
  const applications = parseApplications(reply.body)
  if (typeof applications !== 'string') return { kind: 'applications', applications, date: reply.date }
  return { kind: 'error', error: registryError('PH3005', `${where}: ${applications}.`), status }
}

function statusError(where: string, status: number): PilotError {
  const code = codeOfStatus(status)
  const message = `${where}: answered with status ${status}.`
  if (status !== 403) return registryError(code, message)
  return registryError(
    code,
    message,
    'Give credentials that may read; an Eureka server that found no peer at its start also answers 403 for its first minutes (eureka.server.wait-time-in-ms-when-sync-empty). It is asked again by itself.',
  )
}
