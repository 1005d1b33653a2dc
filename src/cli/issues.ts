/** An issue in text, two lines: what and where, and what to do. */
import type { Issue } from '#model/issue.ts'

/** `orders.yaml:3: error PH1003: message (spec.ports)` and, below, the remedy. */
export function issueText({ severity, code, message, remedy, at, object, path }: Issue): string {
  const place = at ?? object
  const inside = path ? ` (${path})` : ''
  return `${place ? `${place}: ` : ''}${severity} ${code}: ${message}${inside}\n  ${remedy}`
}
