/** Hostname templates: which name a registry's service has in the mesh, and so which services of others it meets. */

export type HostnameTemplate<Field extends string> = (
  values: Readonly<Record<Field, string>>,
) => string | undefined

const PLACEHOLDER = /\{([^{}]*)\}/g
const HOST =
  /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/

/** What is wrong with a template, in one sentence; undefined if nothing is. At least one of `fields` must be in it. */
export function templateProblem(template: string, fields: readonly string[]): string | undefined {
  const used = [...template.matchAll(PLACEHOLDER)].map(([, name]) => name!)
  const unknown = used.find((name) => !fields.includes(name))
  const known = fields.map((name) => `{${name}}`).join(', ')
  if (unknown !== undefined) return `there is no {${unknown}}; there are ${known}`
  if (used.length === 0) return `every service would have the same hostname; use one of ${known}`
  return isHostname(template.replaceAll(PLACEHOLDER, 'x')) ? undefined : 'it makes no DNS name'
}

/** The template must have no problem. undefined: these values make no DNS name (RFC 1123, and `_` as registries allow). */
export const compileHostname =
  <Field extends string>(template: string): HostnameTemplate<Field> =>
  (values) => {
    const host = template.replaceAll(PLACEHOLDER, (_, name: Field) => values[name]).toLowerCase()
    return isHostname(host) ? host : undefined
  }

export const isHostname = (host: string): boolean => host.length <= 253 && HOST.test(host.toLowerCase())
