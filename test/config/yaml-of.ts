/** Short ways to write what the tests of configuration need. */
import { parseFile } from '#config/parse.ts'
import type { Issue } from '#model/issue.ts'

/** `line:column severity code path`, as one line to compare. */
export const brief = (i: Issue): string =>
  [i.at?.replace(/^[^:]*:/, ''), i.severity, i.code, i.path].filter(Boolean).join(' ')

export const parse = (text: string, rootNamespace?: string) =>
  parseFile(text, { file: 'f.yaml', source: 'test', ...(rootNamespace ? { rootNamespace } : {}) })

export const issuesOf = (text: string, rootNamespace?: string): Issue[] => {
  const content = parse(text, rootNamespace)
  return [...content.issues, ...content.objects.flatMap((o) => o.issues)]
}

/** An object with `spec` as indented YAML lines; the spec's first line is line 6. */
export const object = (
  kind: string,
  spec: string,
  extra = '',
  apiVersion = 'networking.istio.io/v1',
): string =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: a${extra}\nspec:\n${spec.replace(/^(?=.)/gm, '  ')}`

/** A valid ServiceEntry with one endpoint. */
export const serviceEntry = (
  name: string,
  address = '10.0.0.1',
): string => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: ${name}
spec:
  hosts: [${name}.example.com]
  resolution: STATIC
  ports:
    - number: 80
      name: http
      protocol: HTTP
  endpoints:
    - address: ${address}
`
