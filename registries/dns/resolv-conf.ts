/** The system's DNS servers: /etc/resolv.conf (resolv.conf(5)), read again when it has changed. */
import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import type { Servers } from './client.ts'

/** Where the settings and the file say nothing. The C library waits 5 s, which is long for one of several servers. */
export const defaultTimeout = 2_000
export const defaultAttempts = 2
/** As the C library: more servers are not asked. */
const MAX_SERVERS = 3

/** `nameserver`, and of `options` `timeout:SECONDS` and `attempts:N`. Names here are whole, so `search` has no meaning. */
export function parseResolvConf(text: string): Servers {
  const addresses: string[] = []
  let timeout = defaultTimeout
  let attempts = defaultAttempts
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/)
    if (keyword === 'nameserver' && isIP(words[0] ?? '') !== 0) addresses.push(words[0]!)
    if (keyword !== 'options') continue
    for (const word of words) {
      const [, name, digits] = /^(timeout|attempts):(\d{1,3})$/.exec(word) ?? []
      if (name === 'timeout') timeout = Math.min(Math.max(Number(digits), 1), 30) * 1000
      if (name === 'attempts') attempts = Math.min(Math.max(Number(digits), 1), 5)
    }
  }
  // As the C library: without any, there is one on this machine.
  const servers = (addresses.length > 0 ? addresses : ['127.0.0.1']).slice(0, MAX_SERVERS)
  return { servers: servers.map((address) => ({ address, port: 53 })), timeout, attempts }
}

/**
 * Reads the file where it differs from the last time it was read, at most once a second: it is looked at when a question
 * is due, so that at rest nothing watches it. A file that is gone or unreadable leaves what it said last.
 */
export function resolvConfReader(now: () => number, path = '/etc/resolv.conf'): () => Servers {
  let servers = parseResolvConf('')
  let stamp = ''
  let lookedAt = Number.NEGATIVE_INFINITY
  return () => {
    if (now() - lookedAt < 1_000) return servers
    lookedAt = now()
    try {
      const { mtimeMs, size, ino } = statSync(path)
      const found = `${mtimeMs} ${size} ${ino}`
      if (found !== stamp) servers = parseResolvConf(readFileSync(path, 'utf8'))
      stamp = found
    } catch {
      // A container's file is replaced, never missing for long.
    }
    return servers
  }
}
