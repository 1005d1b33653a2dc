/** The records of a shared directory as its configuration source tells them. */
import { type ConfigUpdate, configKey } from '#model/config.ts'
import { workloadKey } from '#model/service.ts'
import { fromObject, type StoredRecord } from './record.ts'

export interface Records {
  /** All records after the update, by the key of their workload. */
  advance(update: Exclude<ConfigUpdate, { kind: 'trouble' }>): ReadonlyMap<string, StoredRecord>
}

export function createRecords(registry: string): Records {
  const byObject = new Map<string, StoredRecord>()
  return {
    advance(update) {
      if (update.kind === 'full') byObject.clear()
      else for (const key of update.removed) byObject.delete(key)
      for (const object of update.kind === 'full' ? update.objects : update.changed) {
        const record = fromObject(object, registry)
        if (record) byObject.set(configKey(object), record)
        else byObject.delete(configKey(object))
      }
      return new Map([...byObject.values()].map((record) => [workloadKey(record.workload), record]))
    },
  }
}
