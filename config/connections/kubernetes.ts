/** How to reach a Kubernetes API: shared by the registry and the configuration source. Errors are told at load. */
import { existsSync, readFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { delimiter, dirname, join, resolve } from 'node:path'
import type { EntryContext } from '../entry-kind.ts'
import { issue } from '../issue-codes.ts'
import { complain, type Fields, readText } from '../settings-reader.ts'
import { formatPath, parseDocuments } from '../yaml.ts'

export type KubernetesConnection =
  | {
      readonly from: 'kubeconfig'
      /** At least one; where two say something of one name, the first counts, as with kubectl. */
      readonly files: readonly string[]
      readonly context: string
    }
  | {
      readonly from: 'in-cluster'
      /** e.g. `https://10.96.0.1:443` */
      readonly server: string
      /** Holds `token` and `ca.crt`, both renewed in place by the kubelet. */
      readonly directory: string
    }

export const kubernetesConnectionFields = ['kubeconfig', 'context'] as const

/** Where Kubernetes mounts a pod's own service account. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * `kubeconfig` of the settings; else KUBECONFIG; else, in a pod, its service account; else ~/.kube/config.
 * undefined: told to the reader.
 */
export function readKubernetesConnection(
  fields: Fields,
  context: EntryContext,
  serviceAccount = SERVICE_ACCOUNT,
): KubernetesConnection | undefined {
  const { reader, path, env, fromFile } = context
  // The settings' own example has `context: ""` for the kubeconfig's current one.
  const text = (name: string) =>
    fields[name] === '' ? undefined : readText(reader, fields[name], [...path, name])
  const given = text('kubeconfig')
  const wanted = text('context')
  const home = env.HOME ?? ''
  if (given !== undefined) {
    const file = given.startsWith('~/') ? join(home, given.slice(2)) : fromFile(given)
    return fromFiles([file], wanted, context, 'kubeconfig')
  }
  const named = (env.KUBECONFIG ?? '').split(delimiter).filter((file) => file !== '')
  if (named.length > 0) {
    // kubectl skips those that are missing, too.
    const there = named.filter((file) => existsSync(file))
    return fromFiles(there.length > 0 ? there : named, wanted, context, 'KUBECONFIG')
  }
  const own = join(home, '.kube', 'config')
  if (wanted === undefined) {
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env
    if (host && existsSync(join(serviceAccount, 'token'))) {
      const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`
      return { from: 'in-cluster', server, directory: serviceAccount }
    }
  }
  if (existsSync(own)) return fromFiles([own], wanted, context, own)
  return absent(context, 'there is no kubeconfig, and this is no pod of a cluster')
}

/** Not wrong in itself: elsewhere there may be one. */
function absent({ reader, path }: EntryContext, message: string): undefined {
  const place = [...path, 'kubeconfig']
  reader.issues.push(issue('PH1409', { message, path: formatPath(place), at: reader.at(place) }))
  return undefined
}

/** For the default name: `in-cluster`, or the context. */
export const connectionName = (connection: KubernetesConnection): string =>
  connection.from === 'in-cluster' ? 'in-cluster' : connection.context

function fromFiles(
  files: readonly string[],
  wanted: string | undefined,
  entry: EntryContext,
  source: string,
): KubernetesConnection | undefined {
  const { reader, path } = entry
  const wrong = (field: string, message: string, hint: string) =>
    complain(reader, [...path, field], message, hint)
  const contexts: string[] = []
  let current: string | undefined
  for (const file of files) {
    const read = readKubeconfig(file)
    if ('absent' in read) return absent(entry, `${source}: there is no ${file}`)
    if ('problem' in read)
      return wrong(
        'kubeconfig',
        `${source}: ${read.problem}`,
        'Give the path of a kubeconfig that can be read.',
      )
    contexts.push(...read.contexts)
    current ??= read.current
  }
  const context = wanted ?? current
  const listed = contexts.length > 0 ? contexts.join(', ') : 'none'
  if (context === undefined)
    return wrong('context', `${files.join(', ')} has no current-context`, `Name one with context: ${listed}.`)
  if (!contexts.includes(context))
    return wrong('context', `${files.join(', ')} has no context "${context}"`, `There are: ${listed}.`)
  return { from: 'kubeconfig', files: files.map((file) => resolve(file)), context }
}

interface Kubeconfig {
  readonly contexts: readonly string[]
  readonly current?: string
}

function readKubeconfig(file: string): Kubeconfig | { readonly problem: string } | { readonly absent: true } {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? { absent: true } : { problem: `${file} can't be read: ${code ?? error}` }
  }
  const [document] = parseDocuments(text)
  const problem = document?.problems[0]
  if (problem) return { problem: `${file}:${problem.line}: ${problem.message}` }
  const value = document?.value as { contexts?: unknown; 'current-context'?: unknown } | null | undefined
  if (typeof value !== 'object' || value === null) return { problem: `${file} is no kubeconfig` }
  const { contexts, 'current-context': current } = value
  const names = (Array.isArray(contexts) ? contexts : []).map((context) => context?.name)
  return {
    contexts: names.filter((name): name is string => typeof name === 'string'),
    ...(typeof current === 'string' && current !== '' ? { current } : {}),
  }
}

/**
 * Paths of `tokenFile` by user, which kubectl reads and the package does not.
 * @throws where the file can't be read: it was readable when the settings were.
 */
export function tokenFilesOf(file: string): ReadonlyMap<string, string> {
  const [document] = parseDocuments(readFileSync(file, 'utf8'))
  const users = (document?.value as { users?: unknown } | null | undefined)?.users
  const found = new Map<string, string>()
  for (const entry of Array.isArray(users) ? users : []) {
    const path = entry?.user?.tokenFile
    if (typeof entry?.name === 'string' && typeof path === 'string')
      found.set(entry.name, resolve(dirname(file), path))
  }
  return found
}
