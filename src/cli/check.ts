/** `pilothouse check PATH…`: everything that is wrong in files of configuration and settings, without a Pilot. */
import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { issue } from '#config/issue-codes.ts'
import { parseFile } from '#config/parse.ts'
import { isSettings } from '#config/settings.ts'
import { createCatalog } from '#config/sources/catalog.ts'
import { isConfigFile, isHidden, look, nodeFileSystem, reason } from '#config/sources/look.ts'
import { parseDocuments } from '#config/yaml.ts'
import type { Issue } from '#model/issue.ts'
import { loadSettings } from '../settings.ts'
import { CommandFailure } from './failure.ts'
import { issueLine } from './issue-line.ts'

export interface CheckOptions {
  readonly output: 'text' | 'json'
  /** The root namespace of the mesh, `istio-system` if not given. */
  readonly rootNamespace?: string
  /** Where HOME, KUBECONFIG and the registries' own variables are looked for; PILOTHOUSE_… are not the file's. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

export interface CheckResult {
  /** 0: nothing but warnings; 1: errors. */
  readonly exitCode: 0 | 1
  readonly text: string
}

const MAX_BYTES = 8 * 1_048_576

/**
 * Checks files and directories (recursively) together, so that an object defined in two of them is found.
 * @throws CommandFailure if a path can't be read
 */
export async function check(paths: readonly string[], options: CheckOptions): Promise<CheckResult> {
  const catalog = createCatalog()
  const issues: Issue[] = []
  let files = 0
  for (const path of new Set(paths)) {
    const found = await filesBelow(path).catch((error: unknown) => reason(error))
    if (typeof found === 'string')
      throw new CommandFailure(`${path} can't be read: ${found}.`, 'Correct the path or its permissions.', 2)
    if (!found.length)
      issues.push(issue('PH1015', { message: `there is no configuration in ${path}`, at: path }))
    for (const file of found) {
      if (catalog.has(file)) continue
      files++
      await checkFile(file, options, (content) => catalog.set(file, content), issues)
    }
  }
  issues.push(...(catalog.take()?.issues ?? []))
  issues.sort(byPlace)
  const objects = catalog.objects().length
  const exitCode = issues.some((i) => i.severity === 'error') ? 1 : 0
  if (options.output === 'json') return { exitCode, text: JSON.stringify(issues, null, 2) }
  return { exitCode, text: [...issues.map(issueLine), summary(issues, files, objects)].join('\n') }
}

async function checkFile(
  file: string,
  options: CheckOptions,
  keep: (content: ReturnType<typeof parseFile>) => void,
  issues: Issue[],
): Promise<void> {
  const seen = await look(nodeFileSystem, file, { maxBytes: MAX_BYTES, anyName: true })
  if (seen.found === 'problem') issues.push(seen.issue)
  if (seen.found !== 'text') return
  const [first] = parseDocuments(seen.text)
  if (first && isSettings(first.value)) issues.push(...settingsIssues(file, seen.text, options.env ?? {}))
  else
    keep(
      parseFile(seen.text, {
        file,
        source: 'check',
        ...(options.rootNamespace ? { rootNamespace: options.rootNamespace } : {}),
      }),
    )
}

/** What the settings are wrong in wherever they run: that this machine has no kubeconfig is a warning. */
function settingsIssues(
  file: string,
  text: string,
  given: NonNullable<CheckOptions['env']>,
): readonly Issue[] {
  const env = Object.fromEntries(Object.entries(given).filter(([name]) => !name.startsWith('PILOTHOUSE_')))
  const { issues } = loadSettings({ file, env, readText: () => text })
  return issues.map((found) => (found.code === 'PH1409' ? { ...found, severity: 'warning' } : found))
}

/** All configuration files below a directory, by name; a file is itself, whatever it is called. */
async function filesBelow(path: string, above: readonly string[] = []): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path]
  const real = await realpath(path)
  if (above.includes(real)) return []
  const files: string[] = []
  for (const name of (await readdir(path)).filter((n) => !isHidden(n)).sort()) {
    const child = join(path, name)
    if (isConfigFile(child)) files.push(child)
    else if (
      await stat(child).then(
        (s) => s.isDirectory(),
        () => false,
      )
    )
      files.push(...(await filesBelow(child, [...above, real])))
  }
  return files
}

function summary(issues: readonly Issue[], files: number, objects: number): string {
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`
  const of = (severity: Issue['severity']) => issues.filter((i) => i.severity === severity).length
  const found = `${count(of('error'), 'error')}, ${count(of('warning'), 'warning')}`
  return `${count(files, 'file')}, ${count(objects, 'valid object')}: ${found}`
}

/** By file, then line, then column. */
function byPlace(a: Issue, b: Issue): number {
  const place = (i: Issue) => /^(.*?)(?::(\d+))?(?::(\d+))?$/.exec(i.at ?? '')!
  const [x, y] = [place(a), place(b)]
  if (x[1] !== y[1]) return x[1]! < y[1]! ? -1 : 1
  return Number(x[2] ?? 0) - Number(y[2] ?? 0) || Number(x[3] ?? 0) - Number(y[3] ?? 0)
}
