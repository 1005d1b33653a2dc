/** Every issue that a snapshot carries. */
import type { Issue } from './issue.ts'
import type { MeshSnapshot } from './mesh.ts'

/** Of services, configuration objects and sources; one that an object and its source both carry comes once. */
export function issuesOf({ services, configs, sources }: MeshSnapshot): readonly Issue[] {
  const all = new Map<string, Issue>()
  for (const holders of [services, configs, sources])
    for (const { issues } of holders.values())
      for (const issue of issues) all.set(identity(issue), issue)
  return [...all.values()]
}

const identity = ({ code, object, path, at, message }: Issue): string =>
  [code, object, path, at, message].join('\u0000')
