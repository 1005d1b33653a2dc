/** Secrets as `istioctl proxy-config secrets` shows them; the private part never gets here. */
import { X509Certificate } from 'node:crypto'
import type { DataSource, Secret } from './dump.ts'

export const secretHead = [
  'RESOURCE NAME',
  'TYPE',
  'VALID CERT',
  'SERIAL NUMBER',
  'NOT AFTER',
  'NOT BEFORE',
] as const

export function secretRow({ name, tls_certificate, validation_context }: Secret): readonly string[] {
  if (tls_certificate) return [name, 'Cert Chain', ...certificate(tls_certificate.certificate_chain)]
  if (validation_context) return [name, 'CA', ...certificate(validation_context.trusted_ca)]
  return [name, 'other', '', '', '', '']
}

function certificate(source: DataSource | undefined): readonly string[] {
  const unknown = ['', '', source?.filename ? `file ${source.filename}` : '', '']
  const bytes = source?.inline_bytes ? Buffer.from(source.inline_bytes, 'base64') : source?.inline_string
  if (!bytes) return unknown
  try {
    const { serialNumber, validFrom, validTo } = new X509Certificate(bytes)
    const valid = Date.parse(validFrom) <= Date.now() && Date.now() <= Date.parse(validTo)
    return [String(valid), serialNumber.toLowerCase(), iso(validTo), iso(validFrom)]
  } catch {
    return ['false', '', '', '']
  }
}

const iso = (date: string): string => new Date(date).toISOString()
