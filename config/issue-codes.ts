/** The one table of issue codes: what each means and what to do about it. Codes are stable; never reuse one. */
import type { Issue } from '#model/issue.ts'

interface CodeEntry {
  readonly title: string
  readonly severity: Issue['severity']
  /** `{name}` is filled from the issue's `params`. */
  readonly remedy: string
}

const entry = (severity: Issue['severity'], title: string, remedy: string): CodeEntry => ({
  severity,
  title,
  remedy,
})
const error = entry.bind(null, 'error')
const warning = entry.bind(null, 'warning')
const info = entry.bind(null, 'info')

export const issueCodes = {
  // 10xx: files, documents and fields
  PH1001: error('The file is not valid YAML or JSON', 'Correct the syntax at this place.'),
  PH1002: error('The document is no configuration object', 'Give it apiVersion, kind and metadata.name.'),
  PH1003: error('Unknown field', '{hint}'),
  PH1004: error('Wrong type or value', '{hint}'),
  PH1005: error('A required field is missing', 'Add {field}.'),
  PH1006: error('Unknown apiVersion of a known kind', 'Use apiVersion {version}.'),
  PH1007: warning('The kind has no effect in this version', 'Remove it, or expect no effect from it.'),
  PH1008: info(
    'The kind is no mesh configuration and is ignored',
    'Nothing to do; keep it elsewhere to silence this.',
  ),
  PH1009: error('Two objects have the same kind, namespace and name', 'Rename or remove one of them.'),
  PH1010: error('The file cannot be read', 'Check that it exists and that this user may read it.'),
  PH1011: error('The file is too large', 'Split it into files of at most {limit}.'),
  PH1012: error(
    'A name, namespace, label or annotation is not valid',
    'Use at most 63 letters, digits and dashes, names in lower case, as Kubernetes does.',
  ),
  PH1013: error(
    'The directory cannot be read',
    'Create it or correct the path and its permissions; it is tried again by itself.',
  ),
  PH1014: warning(
    'The field has no effect in this version',
    'Remove the field, or expect no effect from it.',
  ),
  PH1015: warning(
    'There is no configuration in this path',
    'Name a file or directory with .yaml, .yml or .json files.',
  ),
  PH1016: warning('Objects of one kind cannot be read', '{hint}'),
  // 11xx: services and workloads
  PH1101: error(
    'The host is not valid',
    'Use a DNS name, such as orders.example.com; a leading `*.` is allowed.',
  ),
  PH1102: error(
    'The address is not valid',
    'Use an IP address or a CIDR block, such as 10.1.0.7 or 10.1.0.0/16.',
  ),
  PH1103: error('The port is not valid', 'Use a number from 1 to 65535.'),
  PH1104: error('Two ports have the same name or number', 'Give each port its own name and number.'),
  PH1105: error('The protocol is unknown', 'Use one of {known}.'),
  PH1106: error('A field does not fit the resolution', '{hint}'),
  PH1107: error(
    'Both endpoints and a workloadSelector',
    'Keep either `endpoints` or `workloadSelector`, not both.',
  ),
  PH1108: error('The endpoint address is not valid', '{hint}'),
  PH1109: error(
    'The Unix socket address is not valid',
    'Use unix:///absolute/path, one service port and no endpoint ports.',
  ),
  PH1110: error(
    'The endpoint names a port that the service does not have',
    'Use a port name of `spec.ports`: {known}.',
  ),
  PH1111: error('exportTo is not valid', 'Use `*` alone, `~` alone, or a list of namespaces and `.`.'),
  PH1113: error('The locality is not valid', 'Write it as region, region/zone or region/zone/subzone.'),
  PH1114: error('The selector is not valid', 'Select by plain label keys and values, without wildcards.'),
  PH1115: warning('The selector is empty', 'Add at least one label.'),
  PH1116: error('The health is unknown', 'Use one of healthy, degraded, unhealthy, draining.'),
  PH1117: error(
    'Several hosts share a port that cannot tell them apart',
    'Make one ServiceEntry for each host.',
  ),
  PH1118: warning('A field has no effect here', '{hint}'),
  PH1119: error('The port name is not valid', 'Use lower-case letters, digits and dashes, at most 63.'),
  // 12xx: Sidecar
  PH1201: error(
    'The Sidecar is empty',
    'Give it egress, ingress, outboundTrafficPolicy or inboundConnectionPool.',
  ),
  PH1202: error(
    'The egress host is not valid',
    'Write it as namespace/host, such as ./*, */orders.example.com or ~/*.',
  ),
  PH1203: error(
    'The egress listener without a port is misplaced',
    'Keep one listener without a port, as the last.',
  ),
  PH1204: error(
    'The defaultEndpoint is not valid',
    'Use 127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, [::]:PORT or unix:///path.',
  ),
  PH1205: error('Bind, port and captureMode do not fit together', '{hint}'),
  PH1206: warning(
    'A Sidecar in the root namespace has a workloadSelector',
    'Move it to the namespace of the workloads, or drop the selector to make it the default of the mesh.',
  ),
  PH1207: error('The connection pool is not valid', '{hint}'),
  PH1208: warning('The egress host is given twice', 'Remove the repetition.'),
  // 13xx: WorkloadGroup
  PH1301: error('The probe is not valid', '{hint}'),
  // 14xx: settings
  PH1401: error('Unknown setting', '{hint}'),
  PH1402: error('A setting has the wrong type or value', '{hint}'),
  PH1403: error('Unknown kind of registry or configuration source', 'Use one of {known}.'),
  PH1404: error(
    'Nothing to serve: no registry and no configuration',
    'Start with `pilothouse serve --files DIR`, or name a settings file with `--config FILE`.',
  ),
  PH1405: error('The settings file cannot be read', 'Check the path and its permissions.'),
  PH1406: error('The settings file is not valid YAML', 'Correct the syntax at this place.'),
  PH1407: error('Two sources have the same name', 'Give each its own `name`, or remove one.'),
  PH1408: warning(
    'A plaintext port is open to other hosts',
    'Use a loopback address, or make sure that only trusted hosts reach it.',
  ),
  PH1409: error(
    'There is no kubeconfig here',
    'Name one: kubeconfig: FILE (or --kubeconfig FILE, or KUBECONFIG).',
  ),
  PH1410: warning(
    'The setting has no effect in this version',
    'Remove it, or expect no effect from it: no port with mutual TLS is opened.',
  ),
} as const satisfies Record<string, CodeEntry>

export type IssueCode = keyof typeof issueCodes

export interface IssueDetails {
  readonly message: string
  readonly severity?: Issue['severity']
  /** Replaces the table's remedy. */
  readonly remedy?: string
  readonly params?: Readonly<Record<string, string>>
  readonly path?: string
  readonly at?: string
  readonly object?: string
}

export function remedyFor(code: IssueCode, params: Readonly<Record<string, string>> = {}): string {
  return issueCodes[code].remedy.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? '')
}

/** An issue by its code; absent parts of the place are left out. */
export function issue(code: IssueCode, details: IssueDetails): Issue {
  return {
    severity: details.severity ?? issueCodes[code].severity,
    code,
    message: details.message,
    remedy: details.remedy ?? remedyFor(code, details.params),
    ...(details.path ? { path: details.path } : {}),
    ...(details.at ? { at: details.at } : {}),
    ...(details.object ? { object: details.object } : {}),
  }
}
