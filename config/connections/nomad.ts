/** How to reach a Nomad API, by the settings and Nomad's own variables (https://developer.hashicorp.com/nomad/docs/commands#environment-variables). */
import { join } from 'node:path'
import type { EntryContext } from '../entry-kind.ts'
import { complain, type Fields, readFlag, readMap, readText, readUrl } from '../settings-reader.ts'

export interface NomadConnection {
  /** `http(s)://HOST:PORT`, or `unix:///path` of a task API's socket; no user and password in it. */
  readonly address: string
  /** Asked of the server where absent. */
  readonly region?: string
  readonly token?: string
  /** Read again when it changes; wins over `token` where it is there. */
  readonly tokenFile?: string
  /** `user:password`, for a proxy before Nomad. */
  readonly httpAuth?: string
  readonly tls: NomadTls
}

/** Paths of PEM files; read when a connection is made, so that renewed ones are picked up. */
export interface NomadTls {
  readonly ca?: string
  /** A directory of PEM files. */
  readonly caPath?: string
  readonly cert?: string
  readonly key?: string
  readonly serverName?: string
  readonly skipVerify: boolean
}

export const nomadConnectionFields = ['address', 'region', 'token', 'tokenFile', 'httpAuth', 'tls'] as const

const DEFAULT_ADDRESS = 'http://127.0.0.1:4646'
const SCHEMES = ['http:', 'https:', 'unix:']

/** Settings, else NOMAD_*, else, inside a Nomad task, the task API and its workload identity. undefined: told to the reader. */
export function readNomadConnection(fields: Fields, context: EntryContext): NomadConnection | undefined {
  const { reader, path, env, fromFile } = context
  const text = (name: string) => readText(reader, fields[name], [...path, name])
  const file = (value: string | undefined) => (value === undefined ? undefined : fromFile(value))
  const given = addressOf(fields, context)
  if (given === undefined) return undefined
  const region = text('region') ?? said(env.NOMAD_REGION)
  const token = text('token')
  const tokenFile = file(text('tokenFile'))
  // Nomad renews a task's identity in this file, so it is newer than NOMAD_TOKEN.
  const own = env.NOMAD_SECRETS_DIR ? join(env.NOMAD_SECRETS_DIR, 'nomad_token') : undefined
  const anyToken = token !== undefined || tokenFile !== undefined
  return {
    address: given.address,
    ...defined({
      region,
      token: anyToken ? token : said(env.NOMAD_TOKEN),
      tokenFile: anyToken ? tokenFile : own,
      httpAuth: text('httpAuth') ?? given.auth ?? said(env.NOMAD_HTTP_AUTH),
    }),
    tls: readTls(fields, context),
  }
}

/** For the default name: `127.0.0.1:4646`, `task-api`, or the socket's path. */
export function nomadConnectionName({ address }: NomadConnection): string {
  const url = new URL(address)
  if (url.protocol !== 'unix:') return url.host
  return url.pathname.endsWith('/secrets/api.sock') ? 'task-api' : url.pathname.replace(/^\/+/, '')
}

/** The URL, and apart from it the user and password that some write into it. */
function addressOf(fields: Fields, { reader, path, env }: EntryContext) {
  const at = [...path, 'address']
  const taskApi = env.NOMAD_SECRETS_DIR ? `unix://${env.NOMAD_SECRETS_DIR}/api.sock` : undefined
  const text = fields.address ?? (said(env.NOMAD_ADDR) || taskApi || DEFAULT_ADDRESS)
  const address = readUrl(reader, text, at, SCHEMES)
  if (address === undefined) return undefined
  const url = new URL(address)
  if (url.protocol === 'unix:') return { address: `unix://${url.pathname}` }
  if (url.pathname.length > 1 || url.search || url.hash)
    return complain(reader, at, `${at.join('.')} has a path`, 'Write only http(s)://HOST:PORT.')
  const auth = url.username
    ? `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
    : undefined
  return { address: url.origin, auth }
}

function readTls(fields: Fields, { reader, path, env, fromFile }: EntryContext): NomadTls {
  const at = [...path, 'tls']
  const tls = readMap(reader, fields.tls, at, ['ca', 'caPath', 'cert', 'key', 'serverName', 'skipVerify'])
  const text = (name: string, variable: string) =>
    readText(reader, tls[name], [...at, name]) ?? said(env[variable])
  const file = (name: string, variable: string) => {
    const value = readText(reader, tls[name], [...at, name])
    return value === undefined ? said(env[variable]) : fromFile(value)
  }
  const skipVerify = readFlag(reader, tls.skipVerify, [...at, 'skipVerify'])
  const cert = file('cert', 'NOMAD_CLIENT_CERT')
  const key = file('key', 'NOMAD_CLIENT_KEY')
  if ((cert === undefined) !== (key === undefined))
    complain(
      reader,
      at,
      `${at.join('.')} has a certificate or a key, but not both`,
      'Give both cert and key.',
    )
  return {
    ...defined({ ca: file('ca', 'NOMAD_CACERT'), caPath: file('caPath', 'NOMAD_CAPATH'), cert, key }),
    ...defined({ serverName: text('serverName', 'NOMAD_TLS_SERVER_NAME') }),
    skipVerify: skipVerify ?? /^(1|t|true)$/i.test(env.NOMAD_SKIP_VERIFY ?? ''),
  }
}

/** An empty variable is as good as none. */
const said = (value: string | undefined): string | undefined => (value === '' ? undefined : value)

const defined = <T extends object>(fields: T): { readonly [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
