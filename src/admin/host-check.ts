/**
 * Against DNS rebinding: a web page on a name that its owner points at 127.0.0.1 could read everything here with the
 * visitor's browser. Bound to loopback, only names of this machine are answered.
 */
import { isIP } from 'node:net'

/** 127.0.0.0/8 and ::1, with or without brackets, and `localhost`. */
export function isLoopback(host: string): boolean {
  const name = bare(host)
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'))
}

/** May a request with this Host header be answered by a server bound to loopback? None (HTTP/1.0) is no browser. */
export function hostAllowed(header: string | undefined): boolean {
  if (header === undefined || header === '') return true
  const name = withoutPort(header).toLowerCase()
  return isLoopback(name) || name.endsWith('.localhost')
}

const withoutPort = (host: string): string => /^(\[[^\]]*\]|[^:]*)(?::\d*)?$/.exec(host)?.[1] ?? host
const bare = (host: string): string => host.replace(/^\[(.*)\]$/, '$1')
