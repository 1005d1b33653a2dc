/** What goes wrong between a registry and its adapter, as values: the one table of codes PH30xx. */
import type { PilotError } from '#model/issue.ts'

const table = {
  PH3001:
    'Check that the registry runs and that its address, and a proxy or firewall on the way, are right; it is asked again by itself.',
  PH3002:
    'Give a token or credentials that may read the catalogue; it is asked again by itself, and a renewed token is picked up where it comes from a file.',
  PH3003:
    'The registry asks for fewer requests: raise its limit for this client, or find who else asks; it is asked again more slowly.',
  PH3004: "Look into the registry's own log; it is asked again by itself.",
  PH3005:
    'Check that the address is that of the registry and not of a proxy or another service, and that its version is supported.',
  PH3006:
    'Nothing was taken away: see whether the registry has lost its data or was restarted; what it says next is compared again.',
  PH3007: 'Check the certificate, its authority (CA) and the server name of the settings.',
  PH3008: 'Correct the name or setting; other entries of this registry are served.',
} as const

/**
 * PH3001 unreachable, PH3002 denied, PH3003 throttled, PH3004 the registry failed, PH3005 the answer was not
 * understood, PH3006 the answer is not believed, PH3007 TLS, PH3008 something in it can't be served.
 */
export type RegistryErrorCode = keyof typeof table

/** `message`: one sentence, which names the place (URL without credentials) and the cause. */
export const registryError = (
  code: RegistryErrorCode,
  message: string,
  remedy: string = table[code],
): PilotError => ({ code, message, remedy })

/** The code that fits an HTTP status. */
export function codeOfStatus(status: number): RegistryErrorCode {
  if (status === 401 || status === 403) return 'PH3002'
  if (status === 429) return 'PH3003'
  return status >= 500 ? 'PH3004' : 'PH3005'
}

const TLS = /certificate|self.signed|ERR_TLS|CERT_|SSL|EPROTO|wrong version number/i

/** The code and the words of what a connection failed with (Node's or undici's errors, whose cause says more). */
export function connectionError(error: unknown, where: string): PilotError {
  const reason = reasonOf(error)
  const code: RegistryErrorCode = TLS.test(reason) ? 'PH3007' : 'PH3001'
  return registryError(code, `${where}: ${reason}.`)
}

/** The innermost words of an error; AggregateError (several addresses tried) gives its first. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  if (error.cause !== undefined) return reasonOf(error.cause)
  return (error.message || (error as { code?: string }).code || error.name).replace(/\.$/, '')
}

/** A URL as it may be shown: without user and password, and without a query that may hold a token. */
export function shownUrl(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url)
    return protocol === 'unix:' ? url : `${protocol}//${host}${pathname === '/' ? '' : pathname}`
  } catch {
    return url.replace(/\/\/[^@/]*@/, '//')
  }
}
