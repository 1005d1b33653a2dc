/** Asks a running Pilot's REST. */
import type { PilotError } from '#model/issue.ts'
import { CommandFailure } from './failure.ts'

const TIMEOUT = 30_000

export type Query = Readonly<Record<string, string | undefined>>

/**
 * The JSON of one path.
 * @throws CommandFailure if the Pilot does not answer, or refuses (with its own message and remedy)
 */
export function ask<T>(adminUrl: string, path: string, query: Query = {}): Promise<T> {
  return call<T>('GET', adminUrl, path, query)
}

/** The JSON that a POST without a body answers; throws as `ask` does. */
export function post<T>(adminUrl: string, path: string, query: Query = {}): Promise<T> {
  return call<T>('POST', adminUrl, path, query)
}

async function call<T>(method: string, adminUrl: string, path: string, query: Query): Promise<T> {
  const url = address(adminUrl, path, query)
  const signal = AbortSignal.timeout(TIMEOUT)
  const response = await fetch(url, { method, signal }).catch((error: unknown) => {
    throw unreachable(adminUrl, error)
  })
  const body = await response.text().catch((error: unknown) => {
    throw unreachable(adminUrl, error)
  })
  if (response.ok) return parsed<T>(body, url)
  const { message, remedy } = refusal(body, url, response.status)
  throw new CommandFailure(message, remedy)
}

function address(adminUrl: string, path: string, query: Query): URL {
  const base = adminUrl.includes('://') ? adminUrl : `http://${adminUrl}`
  if (!URL.canParse(base))
    throw new CommandFailure(`${adminUrl} is not a URL.`, `Write it like http://127.0.0.1:15014. ${where}`, 2)
  const url = new URL(path, base)
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(name, value)
  return url
}

const where = 'Say where the Pilot is with --admin URL or PILOTHOUSE_ADMIN.'

function unreachable(adminUrl: string, error: unknown): CommandFailure {
  return new CommandFailure(
    `The Pilot does not answer at ${adminUrl}: ${reason(error)}.`,
    `Start one with \`pilothouse serve\`, or ${where[0]!.toLowerCase()}${where.slice(1)}`,
  )
}

function reason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (cause instanceof AggregateError && cause.errors.length > 0) return reason(cause.errors[0])
  if (cause instanceof Error && cause.name === 'TimeoutError') return `no answer within ${TIMEOUT / 1000} s`
  if (!(cause instanceof Error)) return String(cause)
  return 'code' in cause && cause.code === 'ECONNREFUSED' ? 'connection refused' : cause.message
}

function refusal(body: string, url: URL, status: number): Pick<PilotError, 'message' | 'remedy'> {
  try {
    const { message, remedy } = JSON.parse(body) as PilotError
    if (message && remedy) return { message, remedy }
  } catch {
    // Not the Pilot's form: something else answers there.
  }
  return notThePilot(url, `status ${status}`)
}

function parsed<T>(body: string, url: URL): T {
  try {
    return JSON.parse(body) as T
  } catch {
    const { message, remedy } = notThePilot(url, 'no JSON')
    throw new CommandFailure(message, remedy)
  }
}

const notThePilot = (url: URL, what: string) => ({
  message: `${url} answers ${what}: this is no Pilot's REST, or of another version.`,
  remedy: `${where} Its REST port is 15014 by default.`,
})

/** JSON for people: `-o json` of all viewers. */
export const jsonText = (value: unknown): string => JSON.stringify(value, null, 2)
