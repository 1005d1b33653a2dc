/** Keys and passwords out of Envoy's JSON, wherever they lie. */
import { REDACTED, sensitiveFields } from '#xds/proto/sensitive.ts'

/** In JSON, bytes are in base64. */
const REDACTED_BYTES = Buffer.from(REDACTED).toString('base64')

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
          : redact(value, inSensitive || sensitiveFields.has(key)),
    ]),
  )
  return { ...type, ...rest }
}
