/** What is read from files and must not be shown: token, certificates. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { ConsulConnection, ConsulTls } from '#config/connections/consul.ts'
import { registryError } from '../trouble.ts'
import { ConsulFailure } from './answer.ts'

export interface Token {
  /** Throws where a file was named and there is no token in it. */
  headers(): Readonly<Record<string, string>>
  /** What was sent with these headers was refused: is there another token by now? */
  renew(refused: Readonly<Record<string, string>>): boolean
}

/** A token's file is looked at once a second at most, and read when it has changed. */
export function createToken({ token, tokenFile }: Pick<ConsulConnection, 'token' | 'tokenFile'>): Token {
  let current = token
  let stamp = ''
  let looked = Number.NEGATIVE_INFINITY

  function look(): void {
    if (tokenFile === undefined) return
    looked = performance.now()
    try {
      const { mtimeMs, ino, size } = statSync(tokenFile)
      const now = `${mtimeMs} ${ino} ${size}`
      if (now === stamp) return
      const text = readFileSync(tokenFile, 'utf8').trim()
      stamp = now
      // A file that is being written is empty for a moment.
      if (text !== '') current = text
    } catch {
      // The one that was read last may still be good; if not, Consul says so.
    }
  }
  return {
    headers() {
      if (performance.now() - looked > 1000) look()
      if (current === undefined && tokenFile !== undefined)
        throw new ConsulFailure(registryError('PH3002', `There is no token in ${tokenFile}.`))
      const headers: Record<string, string> = {}
      if (current !== undefined) headers['x-consul-token'] = current
      return headers
    },
    renew(refused) {
      look()
      return current !== undefined && current !== refused['x-consul-token']
    },
  }
}

/** Options of `tls.connect`. Throws where a file can't be read. */
export function readTls({ caFile, caPath, certFile, keyFile, serverName, verify }: ConsulTls): object {
  const ca = [...(caFile === undefined ? [] : [caFile]), ...(caPath === undefined ? [] : filesIn(caPath))]
  return {
    ...(ca.length > 0 && { ca: ca.map((file) => pem(file)) }),
    ...(certFile !== undefined && { cert: pem(certFile) }),
    ...(keyFile !== undefined && { key: pem(keyFile) }),
    ...(serverName !== undefined && { servername: serverName }),
    rejectUnauthorized: verify,
  }
}

function pem(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new Error(`the certificate or key can't be read: ${(error as Error).message}`)
  }
}

const filesIn = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => /\.(pem|crt|cer)$/.test(name))
    .map((name) => join(directory, name))
