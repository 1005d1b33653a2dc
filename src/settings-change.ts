/** Settings read again while the Pilot runs: what of them can be in force at once. Pure. */
import type { Settings } from '#src/settings.ts'
import { sameContent } from '#support/equal.ts'

export interface SettingsChange {
  /** What is in force from now on: the new settings, but for what takes a restart. */
  readonly settings: Settings
  /** Settings that differ but stay as they were until a restart, e.g. `xds.address`. */
  readonly needRestart: readonly string[]
  /** Sources, or what is made of them, differ. */
  readonly pipeline: boolean
}

/** Sockets that are open, files that are being written, and the identity that certificates carry. */
const FIXED = ['xds', 'admin', 'stateDir', 'mesh.trustDomain', 'log.format'] as const

type Tree = Readonly<Record<string, unknown>>

export function settingsChange(before: Settings, after: Settings): SettingsChange {
  const changed = FIXED.filter((path) => !sameContent(at(before, path), at(after, path)))
  const settings = changed.reduce<Tree>((tree, path) => put(tree, path, at(before, path)), { ...after })
  const inForce = settings as unknown as Settings
  return {
    settings: inForce,
    needRestart: changed.flatMap((path) => differing(path, at(before, path), at(after, path))),
    pipeline: !sameContent(withoutLog(before), withoutLog(inForce)),
  }
}

const withoutLog = ({ log: _, ...rest }: Settings): object => rest

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null

const at = (tree: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((value, key) => (isTree(value) ? value[key] : undefined), tree)

/** A copy with another value at the path; undefined takes the key away. */
function put(tree: Tree, path: string, value: unknown): Tree {
  const [key = '', ...below] = path.split('.')
  if (below.length > 0) return { ...tree, [key]: put((tree[key] ?? {}) as Tree, below.join('.'), value) }
  const { [key]: _, ...rest } = tree
  return value === undefined ? rest : { ...rest, [key]: value }
}

/** The innermost names of what differs: `xds.address` rather than `xds`. */
function differing(path: string, before: unknown, after: unknown): readonly string[] {
  if (!isTree(before) || !isTree(after)) return [path]
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((key) => !sameContent(before[key], after[key]))
    .flatMap((key) => differing(`${path}.${key}`, before[key], after[key]))
}
