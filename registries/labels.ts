/** Labels from tags and metadata, which registries allow to be anything. */
import type { Labels } from '#model/service.ts'

const KEY = /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/

/** `k=v` gives the label k, a bare tag `t` the label `t` with the value `true`; what can't be a label key is left out. */
export function labelsOfTags(tags: readonly string[]): Labels {
  const labels: Record<string, string> = {}
  for (const tag of tags) {
    const at = tag.indexOf('=')
    const key = at < 0 ? tag : tag.slice(0, at)
    if (KEY.test(key) && !Object.hasOwn(labels, key)) labels[key] = at < 0 ? 'true' : tag.slice(at + 1)
  }
  return labels
}

/** Metadata whose keys can be label keys. */
export const labelsOfMeta = (meta: Readonly<Record<string, string>> | undefined | null): Labels =>
  Object.fromEntries(Object.entries(meta ?? {}).filter(([key]) => KEY.test(key)))
