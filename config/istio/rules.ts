/** Rules that several of Istio's kinds share (istio/istio pkg/config/validation): pure predicates and small checks. */
import { isIP } from 'node:net'
import { PROTOCOLS, parseProtocol } from '#model/protocol.ts'
import type { Protocol } from '#model/service.ts'
import { nearest } from '../suggest.ts'
import type { Path } from '../yaml.ts'
import type { Report } from './kind.ts'

const DNS_LABEL = /^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/
const LABEL_NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/
/** Kubernetes' names of objects: RFC 1123 subdomain. */
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

export const isDnsLabel = (text: string): boolean => text.length <= 63 && DNS_LABEL.test(text)
export const isNamespace = (text: string): boolean => isDnsLabel(text) && text === text.toLowerCase()
export const isObjectName = (text: string): boolean => text.length <= 253 && SUBDOMAIN.test(text)

/** A DNS name; a last dot is allowed, a numeric top-level domain is not (that would be a broken IP address). */
export function isFqdn(name: string): boolean {
  if (name.length === 0 || name.length > 255) return false
  const labels = name.replace(/\.$/, '').split('.')
  return !/^\d+$/.test(labels.at(-1)!) && labels.every(isDnsLabel)
}

/** A DNS name whose first label may be `*` or begin with `*-`. */
export function isWildcardDomain(name: string): boolean {
  if (name === '*') return true
  if (name.startsWith('*.')) return isFqdn(name.slice(2))
  return isFqdn(name.startsWith('*-') ? name.slice(2) : name)
}

export const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65535

export function isCidr(text: string): boolean {
  const [address, bits, more] = text.split('/')
  const version = isIP(address!)
  return (
    version !== 0 &&
    more === undefined &&
    /^\d{1,3}$/.test(bits ?? '') &&
    Number(bits) <= (version === 4 ? 32 : 128)
  )
}

export const UNIX_PREFIX = 'unix://'
/** Istio wants an absolute path or an abstract socket (`@name`). */
export const isUnixAddress = (text: string): boolean => /^unix:\/\/(\/|@)./.test(text)

/** Protocols that tell hosts apart by Host header, :authority or SNI. */
export const tellsHostsApart = (p: Protocol): boolean =>
  p === 'HTTP' || p === 'HTTP2' || p === 'GRPC' || p === 'GRPC-Web' || p === 'HTTPS' || p === 'TLS'

export function checkProtocol(
  text: string | undefined,
  path: Path,
  report: Report,
  more: readonly string[] = [],
): void {
  if (parseProtocol(text) !== undefined || more.includes(text!)) return
  const near = nearest(text!, [...PROTOCOLS, ...more])
  const known = [...PROTOCOLS, ...more].join(', ')
  report('PH1105', path, `${text} is no known protocol${near ? `; did you mean ${near}?` : ''}`, {
    params: { known },
  })
}

export function checkPort(port: number | undefined, path: Path, report: Report): void {
  if (port !== undefined && !isPort(port)) report('PH1103', path, `${port} is no port number`)
}

export function checkPortName(name: string | undefined, path: Path, report: Report): void {
  if (name !== undefined && !isDnsLabel(name)) report('PH1119', path, `"${name}" is no valid port name`)
}

export function checkLabels(
  labels: Readonly<Record<string, string | undefined>> | undefined,
  path: Path,
  report: Report,
): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    const at = [...path, key]
    const [prefix, name] = key.includes('/')
      ? [key.slice(0, key.indexOf('/')), key.slice(key.indexOf('/') + 1)]
      : ['', key]
    if (name.length > 63 || !LABEL_NAME.test(name) || (key.includes('/') && !isObjectName(prefix)))
      report('PH1012', at, `"${key}" is no valid label key`, { key: true })
    if (value !== undefined && (value.length > 63 || !LABEL_VALUE.test(value)))
      report('PH1012', at, `"${value}" is no valid label value`)
  }
}

export function checkSelector(
  selector: { labels?: Record<string, string | undefined> } | undefined,
  path: Path,
  report: Report,
): void {
  if (!selector) return
  const labels = Object.entries(selector.labels ?? {})
  if (!labels.length)
    report('PH1115', path, 'the selector has no labels, so it takes every workload of the namespace')
  for (const [key, value = ''] of labels) {
    if (key === '') report('PH1114', [...path, 'labels'], 'a selector label has an empty key')
    else if (`${key}${value}`.includes('*'))
      report('PH1114', [...path, 'labels', key], `${key}=${value}: no wildcards in a selector`)
  }
}

export function checkLocality(locality: string | undefined, path: Path, report: Report): void {
  if (!locality) return
  const parts = locality.split('/')
  // A later part without an earlier one can't be compared with anything.
  if (
    parts.length > 3 ||
    parts.some((part, i) => part === '' && (i === 0 || parts.slice(i).some((p) => p !== '')))
  )
    report('PH1113', path, `"${locality}" is no locality`)
}

export function checkExportTo(
  exportTo: readonly (string | undefined)[] | undefined,
  namespace: string,
  path: Path,
  report: Report,
): void {
  const seen = new Set<string>()
  for (const [i, entry] of (exportTo ?? []).entries()) {
    if (entry === undefined) continue
    const key = entry === '.' ? namespace : entry
    if (seen.has(key)) report('PH1111', [...path, i], `exportTo names "${entry}" twice`)
    else if (key !== '*' && key !== '~' && !isNamespace(key))
      report('PH1111', [...path, i], `"${entry}" is no namespace`)
    seen.add(key)
  }
  for (const alone of ['*', '~'])
    if (seen.has(alone) && exportTo!.length > 1)
      report('PH1111', path, `exportTo has "${alone}" beside other entries`)
}
