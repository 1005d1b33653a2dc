import { strict as assert } from 'node:assert'
import { isAbsolute } from 'node:path'
import type { Issue } from '#model/issue.ts'
import { type ConsulSettings, consulKind } from '#registries/consul/options.ts'
import type { WatchTiming } from '#registries/consul/watch.ts'

/** The settings of an entry that must have no issue. */
export function consulSettings(
  fields: Readonly<Record<string, unknown>> = {},
  env: Readonly<Record<string, string>> = {},
): ConsulSettings {
  const { settings, issues } = readConsul(fields, env)
  assert.deepEqual(issues, [])
  return settings!
}

export function readConsul(
  fields: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string>> = {},
) {
  const issues: Issue[] = []
  const reader = { issues, at: () => 'settings.yaml:1:1' }
  const context = {
    reader,
    path: ['registries', 0],
    env,
    fromFile: (path: string) => (isAbsolute(path) ? path : `/etc/pilothouse/${path}`),
  }
  return { settings: consulKind.read(fields, undefined, context), issues }
}

/** Outages end quickly. */
export const quick: WatchTiming = { wait: 2000, timeout: 1000, retry: { first: 5, last: 20 } }
