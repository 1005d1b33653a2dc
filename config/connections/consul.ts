/** How to reach a Consul agent: one shape for the registry and for the KV source. Defaults as Consul's own tools have them. */
import type { EntryContext } from '../entry-kind.ts'
import { complain, type Fields, readFlag, readText } from '../settings-reader.ts'

export interface ConsulConnection {
  /** `http://HOST:PORT[/PREFIX]`, `https://…` or `unix:///PATH`, without credentials. */
  readonly address: string
  readonly token?: string
  /** Read again when it changes and when the token in it is refused. */
  readonly tokenFile?: string
  /** `user:password` of a proxy in front of Consul. */
  readonly auth?: string
  readonly tls: ConsulTls
  /** Consul Enterprise. */
  readonly namespace?: string
  readonly partition?: string
}

/** Paths of PEM files. */
export interface ConsulTls {
  readonly caFile?: string
  /** A directory of authorities. */
  readonly caPath?: string
  readonly certFile?: string
  readonly keyFile?: string
  readonly serverName?: string
  /** false: whoever answers is believed. */
  readonly verify: boolean
}

export const consulConnectionFields = [
  'address',
  'token',
  'tokenFile',
  'caFile',
  'caPath',
  'certFile',
  'keyFile',
  'tlsServerName',
  'verify',
  'consulNamespace',
  'partition',
] as const

/** Where a field is absent, the environment variable that Consul's own tools read. */
export function readConsulConnection(fields: Fields, context: EntryContext): ConsulConnection | undefined {
  const { reader, path, env, fromFile } = context
  const text = (field: string, variable: string): string | undefined =>
    readText(reader, fields[field], [...path, field]) ?? (env[variable] || undefined)
  const file = (field: string, variable: string): string | undefined => {
    const given = readText(reader, fields[field], [...path, field])
    return given === undefined ? env[variable] || undefined : fromFile(given)
  }
  const said = text('address', 'CONSUL_HTTP_ADDR') ?? '127.0.0.1:8500'
  const found = parseAddress(said, isTrue(env.CONSUL_HTTP_SSL))
  if (!found) {
    const hint = 'Write it as http://127.0.0.1:8500, https://HOST:PORT or unix:///PATH.'
    return complain(reader, [...path, 'address'], 'the address of Consul is no URL', hint)
  }
  const token = text('token', 'CONSUL_HTTP_TOKEN')
  const ownFile = readText(reader, fields.tokenFile, [...path, 'tokenFile'])
  const tokenFile =
    ownFile === undefined
      ? fields.token === undefined
        ? env.CONSUL_HTTP_TOKEN_FILE || undefined
        : undefined
      : fromFile(ownFile)
  const auth = found.auth ?? (env.CONSUL_HTTP_AUTH || undefined)
  const certFile = file('certFile', 'CONSUL_CLIENT_CERT')
  const keyFile = file('keyFile', 'CONSUL_CLIENT_KEY')
  if ((certFile === undefined) !== (keyFile === undefined)) {
    const hint = 'Give certFile and keyFile, or neither.'
    complain(
      reader,
      [...path, 'certFile'],
      'a client certificate needs its key, and a key its certificate',
      hint,
    )
  }
  const verify = readFlag(reader, fields.verify, [...path, 'verify'])
  const caFile = file('caFile', 'CONSUL_CACERT')
  const caPath = file('caPath', 'CONSUL_CAPATH')
  const serverName = text('tlsServerName', 'CONSUL_TLS_SERVER_NAME')
  const namespace = text('consulNamespace', 'CONSUL_NAMESPACE')
  const partition = text('partition', 'CONSUL_PARTITION')
  return {
    address: found.address,
    // A file of the settings is nearer than a token of the environment.
    ...(token !== undefined && ownFile === undefined && { token }),
    ...(tokenFile !== undefined && { tokenFile }),
    ...(auth !== undefined && { auth }),
    tls: {
      ...(caFile !== undefined && { caFile }),
      ...(caPath !== undefined && { caPath }),
      ...(certFile !== undefined && { certFile }),
      ...(keyFile !== undefined && { keyFile }),
      ...(serverName !== undefined && { serverName }),
      verify: verify ?? !isFalse(env.CONSUL_HTTP_SSL_VERIFY),
    },
    ...(namespace !== undefined && { namespace }),
    ...(partition !== undefined && { partition }),
  }
}

/** What a name can be made of: `HOST:PORT`, or the path of a socket. */
export function placeOfConsul({ address }: Pick<ConsulConnection, 'address'>): string {
  if (address.startsWith('unix:')) return address.slice('unix:'.length).replace(/^\/+/, '')
  return new URL(address).host
}

const isTrue = (text: string | undefined): boolean => /^(1|t|true)$/i.test(text ?? '')
const isFalse = (text: string | undefined): boolean => /^(0|f|false)$/i.test(text ?? '')

/** As Consul's tools: `HOST:PORT` is http (https where `ssl`), `unix://PATH` a socket. */
export function parseAddress(
  text: string,
  ssl = false,
): { readonly address: string; readonly auth?: string } | undefined {
  if (text.startsWith('unix://')) {
    const socket = text.slice('unix://'.length)
    return socket === '' ? undefined : { address: `unix://${socket}` }
  }
  const scheme = ssl ? 'https' : 'http'
  const full = /^[a-z]+:\/\//i.test(text) ? text : `${scheme}://${text}`
  if (!URL.canParse(full)) return undefined
  const url = new URL(full)
  if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') return undefined
  const protocol = ssl ? 'https:' : url.protocol
  const auth = url.username === '' ? undefined : `${decode(url.username)}:${decode(url.password)}`
  const prefix = url.pathname.replace(/\/+$/, '')
  return { address: `${protocol}//${url.host}${prefix}`, ...(auth !== undefined && { auth }) }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
