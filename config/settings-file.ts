/** The settings file as text and as one YAML document. */
import { readFileSync } from 'node:fs'
import type { Issue } from '#model/issue.ts'
import { type IssueCode, issue } from './issue-codes.ts'
import { reason } from './sources/look.ts'
import { type ParsedDocument, parseDocuments } from './yaml.ts'

export const readUtf8 = (path: string): string => readFileSync(path, 'utf8')

/** Issues are added; undefined where there is nothing to read. */
export function readDocument(
  file: string,
  read: (path: string) => string,
  issues: Issue[],
): ParsedDocument | undefined {
  const bad = (code: IssueCode, message: string, at: string) => issues.push(issue(code, { message, at }))
  let documents: ParsedDocument[]
  try {
    documents = [...parseDocuments(read(file))]
  } catch (error) {
    bad('PH1405', `${file} can't be read: ${reason(error)}`, file)
    return undefined
  }
  for (const { problems } of documents)
    for (const p of problems) bad('PH1406', p.message, `${file}:${p.line}:${p.column}`)
  if (documents.length > 1)
    bad('PH1406', 'settings are one document', `${file}:${documents[1]!.start.line}:1`)
  return documents[0]
}
