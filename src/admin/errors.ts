/** Every error that REST answers with: its status, and its remedy. */
import type { PilotError } from '#model/issue.ts'

const table = {
  INVALID_PARAMETER: [400, 'Correct the parameter; /openapi.json describes all of them.'],
  MISSING_PROXY: [
    400,
    'Add ?proxyID=ID; `pilothouse proxy-status` or /debug/syncz lists the connected proxies.',
  ],
  AMBIGUOUS_PROXY: [400, 'Give the full node id; /debug/syncz lists the connected proxies.'],
  UNKNOWN_PROXY: [
    404,
    'Take an id from `pilothouse proxy-status` or /debug/syncz; a proxy that is not listed is not connected.',
  ],
  UNKNOWN_REGISTRY: [404, 'Take a name from `pilothouse registries` or /debug/registryz.'],
  NOT_FOUND: [404, 'See /debug for the list of paths.'],
  METHOD_NOT_ALLOWED: [405, 'See /openapi.json for the methods of each path.'],
  HOST_REFUSED: [
    403,
    'Call this address as localhost or by its IP; to serve other names, set admin.address to another than loopback.',
  ],
  BODY_REFUSED: [400, 'Send one JSON object with content-type application/json.'],
  BODY_TOO_LARGE: [413, 'Split the request: a discovery request may have 4 MiB.'],
  INTERNAL: [500, 'See the log of the Pilot; it has the whole error.'],
} as const satisfies Record<string, readonly [number, string]>

export type AdminErrorCode = keyof typeof table

/** Thrown in a route, answered by the server's error handler. */
export class AdminError extends Error implements PilotError {
  readonly code: AdminErrorCode
  readonly remedy: string
  readonly statusCode: number

  constructor(code: AdminErrorCode, message: string) {
    super(message)
    this.code = code
    this.statusCode = table[code][0]
    this.remedy = table[code][1]
  }

  toJSON(): PilotError {
    return { code: this.code, message: this.message, remedy: this.remedy }
  }
}
