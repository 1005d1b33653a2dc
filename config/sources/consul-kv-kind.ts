/** Settings of Consul's KV as a configuration source. */
import { type ConsulConnection, consulConnectionFields, readConsulConnection } from '../connections/consul.ts'
import type { ConfigKind, ConfigSettings } from '../entry-kind.ts'
import { readText } from '../settings-reader.ts'

export interface ConsulKvSettings extends ConfigSettings {
  readonly kind: 'consul-kv'
  readonly connection: ConsulConnection
  /** Without slashes around it. */
  readonly prefix: string
  /** '' = the agent's own. */
  readonly datacenter: string
}

export const consulKvKind: ConfigKind<ConsulKvSettings> = {
  kind: 'consul-kv',
  fields: [...consulConnectionFields, 'prefix', 'datacenter'],
  read(fields, name, context) {
    const { reader, path } = context
    const connection = readConsulConnection(fields, context)
    if (!connection) return undefined
    const given = readText(reader, fields.prefix, [...path, 'prefix']) ?? 'pilothouse/config'
    const prefix = given.replace(/^\/+|\/+$/g, '')
    const datacenter = readText(reader, fields.datacenter, [...path, 'datacenter']) ?? ''
    return { kind: 'consul-kv', name: name ?? `consul-kv/${prefix}`, connection, prefix, datacenter }
  },
}
