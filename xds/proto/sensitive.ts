/** Names of the proto fields that Envoy marks `sensitive`, besides Secrets as a whole; what is secret lies in DataSources below. */
export const sensitiveFields: ReadonlySet<string> = new Set([
  'private_key',
  'password',
  'keys',
  'secret',
  'secrets',
  'users',
  'client_secret',
  'hmac_secret',
])

/** What stands in their place, as in Envoy's own /config_dump. */
export const REDACTED = '[redacted]'
