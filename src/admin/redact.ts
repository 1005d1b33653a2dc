/** Keys and passwords out of Envoy's JSON, wherever they lie. */

/** base64 of `[redacted]`, as Envoy's own /config_dump has it. */
const REDACTED_BYTES = 'W3JlZGFjdGVkXQ=='
const REDACTED = '[redacted]'

/** Proto fields that Envoy marks `sensitive`; all but `users` and `typed_config` hold DataSources. */
const sensitive = new Set([
  'private_key',
  'password',
  'keys',
  'secret',
  'users',
  'client_secret',
  'hmac_secret',
])

/** A copy without the inline content of sensitive fields; file names stay, they are no secret and of help. "@type" first. */
export function redact(json: unknown, inSensitive = false): unknown {
  if (Array.isArray(json)) return json.map((item) => redact(item, inSensitive))
  if (typeof json !== 'object' || json === null) return json
  const type = '@type' in json ? { '@type': json['@type'] } : {}
  const rest = Object.fromEntries(
    Object.entries(json).map(([key, value]) => [
      key,
      inSensitive && key === 'inline_bytes'
        ? REDACTED_BYTES
        : inSensitive && key === 'inline_string'
          ? REDACTED
          : redact(value, inSensitive || sensitive.has(key)),
    ]),
  )
  return { ...type, ...rest }
}
