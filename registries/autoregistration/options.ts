/** Settings of self-registration. It is on without an entry. */
import type { RegistryKind, RegistrySettings } from '#config/entry-kind.ts'
import { readDuration } from '#config/settings-reader.ts'

export interface AutoregistrationSettings extends RegistrySettings {
  readonly kind: 'autoregistration'
  /** How long a workload without a connection is kept, ms. Istio: PILOT_WORKLOAD_ENTRY_GRACE_PERIOD. */
  readonly gracePeriod: number
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
  fields: ['gracePeriod'],
  read(fields, name, { reader, path }) {
    const gracePeriod = readDuration(reader, fields.gracePeriod, [...path, 'gracePeriod']) ?? GRACE_PERIOD
    return { kind: 'autoregistration', name: name ?? 'autoregistration', gracePeriod }
  },
}
