/** Istio ServiceEntry: its rules (istio/istio pkg/config/validation ValidateServiceEntry) and its defaults. */

import { isIP } from 'node:net'
import {
  type IServiceEntry,
  ServiceEntry,
} from '@kubernetes-models/istio/networking.istio.io/v1/ServiceEntry'
import type { ServiceEntrySpec } from '#model/config.ts'
import { parseProtocol } from '#model/protocol.ts'
import type { CheckContext, KindDefinition, Loose, Report, ShapeOf } from './kind.ts'
import {
  checkExportTo,
  checkPort,
  checkPortName,
  checkProtocol,
  checkSelector,
  isCidr,
  isWildcardDomain,
  tellsHostsApart,
  UNIX_PREFIX,
} from './rules.ts'
import { schemaOf } from './schema.ts'
import { checkWorkload, toWorkload, workloadShape } from './workload-entry.ts'

type Spec = Loose<IServiceEntry['spec']>

const shape = {
  addresses: 'value',
  endpoints: workloadShape,
  exportTo: 'value',
  hosts: 'value',
  location: 'value',
  ports: { name: 'value', number: 'value', protocol: 'value', targetPort: 'value' },
  resolution: 'value',
  subjectAltNames: 'value',
  workloadSelector: { labels: 'map' },
} as const satisfies ShapeOf<IServiceEntry['spec']>

function check(spec: Spec, { namespace, refused }: CheckContext, report: Report): void {
  checkHosts(spec, report)
  checkAddresses(spec, report)
  checkPorts(spec, report)
  checkSelector(spec.workloadSelector, ['spec', 'workloadSelector'], report)
  if (spec.workloadSelector && spec.endpoints)
    report('PH1107', ['spec', 'workloadSelector'], 'both endpoints and a workloadSelector are given')
  if (!refused('resolution')) checkResolution(spec, report)
  checkExportTo(spec.exportTo, namespace, ['spec', 'exportTo'], report)
}

function checkHosts({ hosts }: Spec, report: Report): void {
  if (hosts?.length === 0)
    report('PH1005', ['spec', 'hosts'], 'hosts is empty', { params: { field: 'a host' } })
  const seen = new Set<string>()
  for (const [i, host] of (hosts ?? []).entries()) {
    if (host === undefined) continue
    const at = ['spec', 'hosts', i]
    if (host === '*') report('PH1101', at, 'the bare wildcard "*" is no host')
    else if (!isWildcardDomain(host)) report('PH1101', at, `"${host}" is no DNS name`)
    else if (seen.has(host.toLowerCase()))
      report('PH1101', at, `"${host}" is given twice`, { severity: 'warning' })
    seen.add(host.toLowerCase())
  }
}

function checkAddresses({ addresses, resolution }: Spec, report: Report): void {
  for (const [i, address] of (addresses ?? []).entries()) {
    if (address === undefined) continue
    const at = ['spec', 'addresses', i]
    if (!isIP(address) && !isCidr(address))
      report('PH1102', at, `"${address}" is neither an IP address nor a CIDR block`)
    else if (
      address.includes('/') &&
      resolution !== undefined &&
      resolution !== 'NONE' &&
      resolution !== 'STATIC'
    )
      report('PH1106', at, `CIDR addresses do not go with resolution ${resolution}`, {
        params: { hint: 'Use plain IP addresses, or resolution NONE or STATIC.' },
      })
  }
}

function checkPorts(spec: Spec, report: Report): void {
  const names = new Set<string>()
  const numbers = new Set<number>()
  for (const [i, port] of (spec.ports ?? []).entries()) {
    if (!port) continue
    const at = ['spec', 'ports', i]
    if (port.name !== undefined && names.has(port.name))
      report('PH1104', [...at, 'name'], `port name "${port.name}" is used twice`)
    if (port.number !== undefined && numbers.has(port.number))
      report('PH1104', [...at, 'number'], `port ${port.number} is used twice`)
    if (port.name !== undefined) names.add(port.name)
    if (port.number !== undefined) numbers.add(port.number)
    checkPortName(port.name, [...at, 'name'], report)
    checkPort(port.number, [...at, 'number'], report)
    checkProtocol(port.protocol, [...at, 'protocol'], report)
    if (port.targetPort) {
      checkPort(port.targetPort, [...at, 'targetPort'], report)
      if ((spec.resolution ?? 'NONE') === 'NONE')
        report('PH1118', [...at, 'targetPort'], 'targetPort has no effect with resolution NONE', {
          params: { hint: 'Remove targetPort, or use resolution STATIC or DNS.' },
        })
    }
  }
}

function checkResolution(spec: Spec, report: Report): void {
  const resolution = spec.resolution ?? 'NONE'
  const endpoints = spec.endpoints ?? []
  const misfit = (field: string, message: string, hint: string) =>
    report('PH1106', ['spec', field], message, { params: { hint } })
  if ((resolution === 'NONE' || resolution === 'DYNAMIC_DNS') && endpoints.length)
    misfit(
      'endpoints',
      `resolution ${resolution} takes no endpoints`,
      'Remove the endpoints, or use resolution STATIC.',
    )
  if (resolution !== 'STATIC' && spec.workloadSelector)
    report(
      'PH1118',
      ['spec', 'workloadSelector'],
      `workloadSelector should not be used with resolution ${resolution}`,
      {
        params: { hint: 'Use resolution STATIC.' },
      },
    )
  if (resolution === 'DNS_ROUND_ROBIN' && endpoints.length > 1)
    misfit(
      'endpoints',
      'resolution DNS_ROUND_ROBIN takes at most one endpoint',
      'Keep one endpoint, or use resolution DNS.',
    )
  checkEndpoints(spec, resolution, report)
  if (
    (resolution === 'DNS' || resolution === 'DNS_ROUND_ROBIN') &&
    !endpoints.length &&
    !spec.workloadSelector
  )
    for (const [i, host] of (spec.hosts ?? []).entries())
      if (host?.includes('*') && host !== '*')
        report('PH1106', ['spec', 'hosts', i], `"${host}" can't be resolved: a wildcard is no name in DNS`, {
          params: { hint: 'Use a full name, give endpoints, or use resolution NONE or DYNAMIC_DNS.' },
        })
  checkProtocolsOfHosts(spec, resolution, report)
}

function checkEndpoints(spec: Spec, resolution: string, report: Report): void {
  const servicePorts = new Set((spec.ports ?? []).flatMap((p) => (p?.name === undefined ? [] : [p.name])))
  const names = resolution !== 'STATIC'
  for (const [i, endpoint] of (spec.endpoints ?? []).entries()) {
    if (!endpoint) continue
    checkWorkload(endpoint, ['spec', 'endpoints', i], report, { names, servicePorts })
    if (names && endpoint.address?.startsWith(UNIX_PREFIX))
      report(
        'PH1108',
        ['spec', 'endpoints', i, 'address'],
        `a Unix socket can't be resolved by ${resolution}`,
        {
          params: { hint: 'Use resolution STATIC.' },
        },
      )
  }
}

/** Plain TCP does not say which host is meant, so several hosts on one port can't be told apart. */
function checkProtocolsOfHosts(spec: Spec, resolution: string, report: Report): void {
  for (const [i, port] of (spec.ports ?? []).entries()) {
    const protocol = parseProtocol(port?.protocol)
    if (!port || protocol === undefined || tellsHostsApart(protocol)) continue
    const at = ['spec', 'ports', i, ...(port.protocol ? ['protocol'] : [])]
    if (resolution === 'DYNAMIC_DNS')
      report(
        'PH1106',
        at,
        `resolution DYNAMIC_DNS needs a protocol that names its host, not ${port.protocol || 'an unset one'}`,
        {
          params: { hint: 'Use HTTP, HTTP2, GRPC, HTTPS or TLS.' },
        },
      )
    else if (resolution !== 'NONE' && (spec.hosts?.length ?? 0) > 1)
      report('PH1117', at, `several hosts share port ${port.number}, which is neither HTTP nor TLS`)
  }
}

function toSpec(spec: Spec): ServiceEntrySpec {
  return {
    hosts: (spec.hosts ?? []) as string[],
    addresses: (spec.addresses ?? []) as string[],
    ports: (spec.ports ?? []).map((p) => ({
      number: p!.number!,
      name: p!.name!,
      protocol: parseProtocol(p!.protocol) ?? 'AUTO',
      ...(p!.targetPort ? { targetPort: p!.targetPort } : {}),
    })),
    location: spec.location ?? 'MESH_EXTERNAL',
    resolution: spec.resolution ?? 'NONE',
    endpoints: (spec.endpoints ?? []).map((e) => toWorkload(e!)),
    ...(spec.workloadSelector
      ? { workloadSelector: { labels: (spec.workloadSelector.labels ?? {}) as Record<string, string> } }
      : {}),
    exportTo: spec.exportTo?.length ? (spec.exportTo as string[]) : ['*'],
    subjectAltNames: (spec.subjectAltNames ?? []) as string[],
  }
}

export const serviceEntry: KindDefinition = {
  kind: 'ServiceEntry',
  schema: schemaOf(ServiceEntry),
  spec: shape,
  check,
  toSpec,
}
