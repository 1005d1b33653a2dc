/** An issue as one line for a person: place, severity, code, path within, cause, remedy. */
import type { Issue } from '#model/issue.ts'

export function issueLine({ at, object, severity, code, path, message, remedy }: Issue): string {
  const place = at ?? object
  const inside = path && !message.includes(path) ? `${path}: ` : ''
  return `${place ? `${place}: ` : ''}${severity} ${code} ${inside}${message} (${remedy})`
}
