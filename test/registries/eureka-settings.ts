/** Settings of an Eureka registry as the settings reader makes them. */
import type { Issue } from '#model/issue.ts'
import { type EurekaSettings, eurekaKind } from '#registries/eureka/options.ts'

export function readEureka(fields: Record<string, unknown>, env: Record<string, string> = {}, name?: string) {
  const issues: Issue[] = []
  const context = {
    reader: { at: () => 'pilothouse.yaml:1', issues },
    path: ['registries', 0],
    env,
    fromFile: (path: string) => `/etc/${path}`,
  }
  return { entry: eurekaKind.read(fields, name, context), issues }
}

/** Quick: a look every few ms, which the settings themselves refuse. */
export function eurekaSettings(serviceUrls: unknown, more: Partial<EurekaSettings> = {}): EurekaSettings {
  const { entry, issues } = readEureka({ serviceUrls })
  if (!entry || issues.length > 0) throw new Error(JSON.stringify(issues))
  return { ...entry, pollInterval: 5, requestTimeout: 2000, ...more }
}
