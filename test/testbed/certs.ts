/** A certificate authority of one test, by openssl, in the server's own directory. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tool } from './cache.ts'

/** Paths of PEM files. */
export interface TestCertificates {
  readonly ca: string
  /** Of the server: for `names`, localhost and 127.0.0.1. */
  readonly cert: string
  readonly key: string
  /** Of a client, from the same authority. */
  readonly clientCert: string
  readonly clientKey: string
}

const remedy = 'Install OpenSSL (Debian: apt install openssl).'

export async function makeCertificates(
  directory: string,
  names: readonly string[] = [],
): Promise<TestCertificates> {
  await mkdir(directory, { recursive: true })
  const file = (name: string) => join(directory, name)
  const openssl = (...args: string[]) => tool({ command: 'openssl', args, remedy })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30']
  const request = (name: string, subject: string, extensions: string[], issuer: string[]) =>
    openssl(
      ...['req', '-x509', ...newKey, '-keyout', file(`${name}-key.pem`), '-out', file(`${name}.pem`)],
      ...['-subj', subject, ...extensions.flatMap((each) => ['-addext', each]), ...issuer],
    )
  await request('ca', '/CN=pilothouse test authority', ['keyUsage=critical,keyCertSign,cRLSign'], [])
  const issuer = ['-CA', file('ca.pem'), '-CAkey', file('ca-key.pem')]
  const alternative = ['DNS:localhost', 'IP:127.0.0.1', ...names.map((name) => `DNS:${name}`)].join(',')
  const leaf = 'basicConstraints=critical,CA:FALSE'
  const usage = 'extendedKeyUsage=serverAuth,clientAuth'
  await request('server', '/CN=localhost', [leaf, usage, `subjectAltName=${alternative}`], issuer)
  await request('client', '/CN=test client', [leaf, usage], issuer)
  return {
    ca: file('ca.pem'),
    cert: file('server.pem'),
    key: file('server-key.pem'),
    clientCert: file('client.pem'),
    clientKey: file('client-key.pem'),
  }
}

/** An RSA key, which kube-apiserver wants for service accounts. */
export async function makeRsaKey(path: string): Promise<void> {
  const { generateKeyPairSync } = await import('node:crypto')
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  await writeFile(path, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 })
}

/** The PEM texts for a request. */
export async function clientTls(
  certificates: TestCertificates,
): Promise<{ ca: string; cert: string; key: string }> {
  const [ca, cert, key] = await Promise.all(
    [certificates.ca, certificates.clientCert, certificates.clientKey].map((path) => readFile(path, 'utf8')),
  )
  return { ca: ca!, cert: cert!, key: key! }
}
