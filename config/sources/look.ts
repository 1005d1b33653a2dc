/** One look at one path, as a value: what is there, and its text if it has changed. */
import { watch as fsWatch } from 'node:fs'
import { lstat, readdir, readFile, realpath, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Issue } from '#model/issue.ts'
import { type IssueCode, issue } from '../issue-codes.ts'

/** The parts of the file system that a source uses; a test gives one with faults. */
export interface FileSystem {
  lstat(path: string): Promise<Stat>
  stat(path: string): Promise<Stat>
  readdir(path: string): Promise<readonly string[]>
  readFile(path: string): Promise<Uint8Array>
  realpath(path: string): Promise<string>
  /** Names in a directory as they change (not recursive); returns how to stop. */
  watch(
    path: string,
    onEvent: (type: string, name: string | null) => void,
    onError: (error: Error) => void,
  ): () => void
}
export interface Stat {
  readonly dev: number
  readonly ino: number
  readonly size: number
  readonly mtimeMs: number
  readonly ctimeMs: number
  isFile(): boolean
  isDirectory(): boolean
  isSymbolicLink(): boolean
}

export const nodeFileSystem: FileSystem = {
  lstat,
  stat,
  readdir: (path) => readdir(path),
  readFile: (path) => readFile(path),
  realpath: (path) => realpath(path),
  watch(path, onEvent, onError) {
    // `persistent: false`: a watch alone keeps no process alive.
    const watcher = fsWatch(path, { persistent: false }, onEvent)
    watcher.on('error', onError)
    return () => watcher.close()
  },
}

export type Look =
  | { readonly found: 'nothing' }
  | { readonly found: 'directory'; readonly id: string; readonly link: boolean }
  | { readonly found: 'same' }
  | { readonly found: 'text'; readonly text: string; readonly signature: string; readonly link: boolean }
  | { readonly found: 'problem'; readonly issue: Issue; readonly signature: string; readonly link: boolean }
  /** Neither a directory nor a file of configuration. */
  | { readonly found: 'other' }

export const isConfigFile = (path: string): boolean => /\.(ya?ml|json)$/i.test(path)
/** Hidden files, and Kubernetes' `..data` and `..2026_…` directories, which the visible symlinks point into. */
export const isHidden = (path: string): boolean => basename(path).startsWith('.')

const signatureOf = (s: Stat): string => `${s.dev}:${s.ino}:${s.size}:${s.mtimeMs}:${s.ctimeMs}`

export interface LookOptions {
  readonly known?: string
  readonly maxBytes: number
  /** Only this very file was asked for, whatever its name. */
  readonly anyName?: boolean
}

export async function look(fs: FileSystem, path: string, options: LookOptions): Promise<Look> {
  const wanted = options.anyName || isConfigFile(path)
  let link = false
  let found: Stat
  try {
    found = await fs.lstat(path)
    link = found.isSymbolicLink()
    if (link) found = await fs.stat(path)
  } catch (error) {
    if (!link && isMissing(error)) return { found: 'nothing' }
    return wanted
      ? problem(
          'PH1010',
          path,
          link && isMissing(error) ? 'the symbolic link leads nowhere' : reason(error),
          link,
        )
      : { found: 'other' }
  }
  const signature = signatureOf(found)
  if (found.isDirectory() && !wanted) return { found: 'directory', id: `${found.dev}:${found.ino}`, link }
  if (!wanted) return { found: 'other' }
  if (signature === options.known) return { found: 'same' }
  if (!found.isFile())
    return problem(
      'PH1010',
      path,
      found.isDirectory() ? 'it is a directory' : 'it is no regular file',
      link,
      signature,
    )
  if (found.size > options.maxBytes) return tooLarge(path, found.size, options.maxBytes, link, signature)
  try {
    const bytes = await fs.readFile(path)
    // Read while it grew: the next event brings the rest, and this signature will not match it.
    return { found: 'text', text: decode(bytes), signature, link }
  } catch (error) {
    if (isMissing(error)) return { found: 'nothing' }
    return problem('PH1010', path, reason(error), link, signature)
  }
}

/** UTF-8 without its byte order mark; anything else is refused, not guessed. */
const decode = (bytes: Uint8Array): string => new TextDecoder('utf-8', { fatal: true }).decode(bytes)

export const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')

export function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  if (code === 'ENOENT') return 'it does not exist'
  if (code === 'ENOTDIR') return 'part of the path is no directory'
  if (code === 'ELOOP') return 'its symbolic links go in a circle'
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'it is not UTF-8 text'
  return code ?? message
}

function problem(code: IssueCode, path: string, why: string, link: boolean, signature = why): Look {
  return {
    found: 'problem',
    issue: issue(code, { message: `${path} can't be read: ${why}`, at: path }),
    signature,
    link,
  }
}

function tooLarge(path: string, size: number, limit: number, link: boolean, signature: string): Look {
  const mib = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MiB`
  const details = { message: `${path} has ${mib(size)}`, at: path, params: { limit: mib(limit) } }
  return { found: 'problem', issue: issue('PH1011', details), signature, link }
}
