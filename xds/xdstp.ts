/**
 * Names of the form `xdstp://authority/type/id?context`, and the collections of all whose id has the same directory,
 * `xdstp://authority/type/directory/*?context`
 * (https://github.com/cncf/xds/blob/main/proposals/TP1-xds-transport-next.md).
 */

/** The same name with its context parameters in order; other names as they are. */
export function normalName(name: string): string {
  const context = name.startsWith(scheme) ? name.indexOf('?') : -1
  if (context === -1) return name
  return `${name.slice(0, context)}?${name
    .slice(context + 1)
    .split('&')
    .sort()
    .join('&')}`
}
const scheme = 'xdstp:'

/** The glob collection that a name belongs to; undefined for other names than xdstp's, and for collections. */
export function collectionOf(name: string): string | undefined {
  if (!name.startsWith(scheme) || isCollection(name)) return undefined
  const context = contextStart(name)
  return `${name.slice(0, name.lastIndexOf('/', context) + 1)}*${name.slice(context)}`
}

/** Whether a name is that of a glob collection. */
export const isCollection = (name: string): boolean =>
  name.startsWith(scheme) && name.endsWith('/*', contextStart(name))

function contextStart(name: string): number {
  const at = name.indexOf('?')
  return at === -1 ? name.length : at
}
