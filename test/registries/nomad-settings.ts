import type { Issue } from '#model/issue.ts'
import { type NomadSettings, nomadKind } from '#registries/nomad/options.ts'

/** Settings as they would be read from a file and the environment. */
export function readNomad(fields: Record<string, unknown>, env: Record<string, string> = {}, name?: string) {
  const issues: Issue[] = []
  const settings = nomadKind.read(fields, name, {
    reader: { issues, at: () => 'test' },
    path: ['registries', 0],
    env,
    fromFile: (path) => (path.startsWith('/') ? path : `/etc/pilothouse/${path}`),
  })
  return { settings, issues }
}

export const nomadSettings = (fields: Record<string, unknown> = {}): NomadSettings =>
  readNomad({ address: 'http://fake:4646', ...fields }).settings!
