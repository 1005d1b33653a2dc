/** A file's text to its configuration objects and everything that is wrong in it. */
import type { ConfigObject } from '#model/config.ts'
import type { Issue } from '#model/issue.ts'
import { issue, remedyFor } from './issue-codes.ts'
import type { Finding } from './istio/kind.ts'
import { checkObject, type ObjectOptions, unroll } from './istio/object.ts'
import { SOURCE } from './istio/schema.ts'
import { formatPath, type ParsedDocument, type Path, parseDocuments } from './yaml.ts'

export interface ParseOptions extends ObjectOptions {
  /** As the user wrote it; goes into every `at`. */
  readonly file: string
  /** Name of the configuration source, for provenance. */
  readonly source: string
}

export interface ParsedObject {
  /** `Kind/namespace/name` */
  readonly key: string
  /** `file:line:column` of the document. */
  readonly at: string
  /** Absent: this version of it is refused, `issues` say why. */
  readonly object?: ConfigObject
  readonly issues: readonly Issue[]
}

export interface FileContent {
  readonly objects: readonly ParsedObject[]
  /** What belongs to no object: syntax, kinds that are not served. */
  readonly issues: readonly Issue[]
  /** False: some document doesn't say which object it is, so an object that is missing here may be that one. */
  readonly whole: boolean
}

/** Yields after each document, so that a caller with other work can take turns; returns the whole. */
export function* parseSteps(text: string, options: ParseOptions): Generator<void, FileContent> {
  const objects: ParsedObject[] = []
  const issues: Issue[] = []
  let whole = true
  for (const document of parseDocuments(text)) {
    for (const problem of document.problems)
      issues.push(
        issue('PH1001', {
          message: problem.message,
          at: `${options.file}:${problem.line}:${problem.column}`,
        }),
      )
    if (document.problems.length) whole = false
    else
      for (const item of unroll(document.value)) {
        const { object, loose, identified } = readSafely(document, item, options)
        if (object) objects.push(object)
        issues.push(...loose)
        whole &&= identified
      }
    yield
  }
  return { objects, issues, whole }
}

/** All in one go: for command lines and tests. */
export function parseFile(text: string, options: ParseOptions): FileContent {
  const steps = parseSteps(text, options)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

interface Read {
  readonly object?: ParsedObject
  readonly loose: readonly Issue[]
  readonly identified: boolean
}

function read(document: ParsedDocument, item: { value: unknown; path: Path }, options: ParseOptions): Read {
  const checked = checkObject(item.value, options)
  const start = item.path.length ? document.locate(item.path) : document.start
  const key = checked.result === 'none' ? undefined : checked.key
  const issues = checked.findings.map((f) => toIssue(f, document, item.path, key, options.file))
  if (checked.result === 'none') return { loose: issues, identified: checked.identified }
  const at = `${options.file}:${start.line}:${start.column}`
  if (checked.result === 'refused')
    return { object: { key: checked.key, at, issues }, loose: [], identified: true }
  const origin = { source: options.source, object: checked.key, at: `${options.file}:${start.line}` }
  return {
    object: { key: checked.key, at, issues, object: { ...checked.object, origin, issues } },
    loose: [],
    identified: true,
  }
}

/** What is nested thousands deep overflows the stack: an issue like any other. */
function readSafely(
  document: ParsedDocument,
  item: { value: unknown; path: Path },
  options: ParseOptions,
): Read {
  try {
    return read(document, item, options)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const at = `${options.file}:${document.start.line}:${document.start.column}`
    return {
      loose: [issue('PH1001', { message: 'the document is nested too deeply', at })],
      identified: false,
    }
  }
}

function toIssue(
  f: Finding,
  document: ParsedDocument,
  base: Path,
  object: string | undefined,
  file: string,
): Issue {
  const path = [...base, ...f.path]
  const place = document.locate(path, f.key)
  const fill = (text: string) =>
    text.includes(SOURCE) ? text.replaceAll(SOURCE, document.source(path)) : text
  return issue(f.code, {
    message: fill(f.message),
    remedy: fill(remedyFor(f.code, f.params)),
    ...(f.severity ? { severity: f.severity } : {}),
    path: formatPath(f.path),
    at: `${file}:${place.line}:${place.column}`,
    ...(object ? { object } : {}),
  })
}
