/** Protobuf's wire format, as much as is needed to put encoded messages into a repeated field. */

/** One element of a repeated message field: tag, length, bytes (https://protobuf.dev/programming-guides/encoding/). */
export function repeatedField(field: number, message: Uint8Array): Uint8Array {
  return concatenate([varint((field << 3) | 2), varint(message.length), message])
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  bytes.push(rest)
  return Uint8Array.from(bytes)
}
