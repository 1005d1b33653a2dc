/** Settings of self-registration. It is on without an entry. */
import type { RegistryKind, RegistrySettings } from '#config/entry-kind.ts'
import { readDuration, readText } from '#config/settings-reader.ts'

export interface AutoregistrationSettings extends RegistrySettings {
  readonly kind: 'autoregistration'
  /** How long a workload without a connection is kept, ms. Istio: PILOT_WORKLOAD_ENTRY_GRACE_PERIOD. */
  readonly gracePeriod: number
  /** A directory that all Pilots of a fleet read and write: each knows the workloads of the others. */
  readonly shared?: string
}

const GRACE_PERIOD = 10_000

/** What there is without an entry in the settings. */
export const defaultAutoregistration: AutoregistrationSettings = {
  kind: 'autoregistration',
  name: 'autoregistration',
  gracePeriod: GRACE_PERIOD,
}

export const autoregistrationKind: RegistryKind<AutoregistrationSettings> = {
  kind: 'autoregistration',
  fields: ['gracePeriod', 'shared'],
  read(fields, name, { reader, path, fromFile }) {
    const gracePeriod = readDuration(reader, fields.gracePeriod, [...path, 'gracePeriod']) ?? GRACE_PERIOD
    const shared = readText(reader, fields.shared, [...path, 'shared'])
    return {
      kind: 'autoregistration',
      name: name ?? 'autoregistration',
      gracePeriod,
      ...(shared !== undefined && { shared: fromFile(shared) }),
    }
  },
}
