/** One document's value to a configuration object: identity, schema, unknown fields, Istio's rules, defaults. */
import { createHash } from 'node:crypto'
import { type ConfigObject, configKey } from '#model/config.ts'
import type { Labels } from '#model/service.ts'
import { issueCodes } from '../issue-codes.ts'
import { suggestion } from '../suggest.ts'
import type { Path } from '../yaml.ts'
import type { Finding, KindDefinition, Report, Shape } from './kind.ts'
import { checkLabels, isNamespace, isObjectName } from './rules.ts'
import { schemaFindings } from './schema.ts'
import { serviceEntry } from './service-entry.ts'
import { checkShape } from './shape.ts'
import { sidecar } from './sidecar.ts'
import { checkHealth, HEALTH_KEY, workloadEntry } from './workload-entry.ts'
import { workloadGroup } from './workload-group.ts'

export interface ObjectOptions {
  /** For objects without metadata.namespace; Istio's and Kubernetes' `default`. */
  readonly defaultNamespace?: string
  readonly rootNamespace?: string
}

export type Checked =
  /** Not ours: another kind, or nothing that says which object it is. */
  | { readonly result: 'none'; readonly findings: readonly Finding[]; readonly identified: boolean }
  | { readonly result: 'refused'; readonly key: string; readonly findings: readonly Finding[] }
  /** `findings` are warnings. */
  | {
      readonly result: 'valid'
      readonly key: string
      readonly findings: readonly Finding[]
      readonly object: Omit<ConfigObject, 'origin' | 'issues'>
    }

const served: ReadonlyMap<string, KindDefinition> = new Map(
  [serviceEntry, workloadEntry, workloadGroup, sidecar].map((k) => [k.kind, k]),
)
const GROUP = 'networking.istio.io'
const VERSIONS = ['v1', 'v1beta1', 'v1alpha3'].map((v) => `${GROUP}/${v}`)
/** Istio's other kinds: valid, but without effect in this version. */
const ISTIO_KINDS = [
  'VirtualService',
  'DestinationRule',
  'Gateway',
  'EnvoyFilter',
  'ProxyConfig',
  'PeerAuthentication',
  'RequestAuthentication',
  'AuthorizationPolicy',
  'Telemetry',
  'WasmPlugin',
]

const metadataShape: Shape = {
  name: 'value',
  namespace: 'value',
  labels: 'map',
  annotations: 'map',
  creationTimestamp: 'value',
  deletionGracePeriodSeconds: 'value',
  deletionTimestamp: 'value',
  finalizers: 'value',
  generateName: 'value',
  generation: 'value',
  managedFields: 'map',
  ownerReferences: 'map',
  resourceVersion: 'value',
  selfLink: 'value',
  uid: 'value',
}

type Json = Record<string, unknown>
const isMap = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The objects of a document: its own, or the items of a `kind: List`, each with its path in the document. */
export function unroll(value: unknown): { readonly value: unknown; readonly path: Path }[] {
  if (
    !isMap(value) ||
    typeof value.kind !== 'string' ||
    !value.kind.endsWith('List') ||
    !Array.isArray(value.items)
  )
    return [{ value, path: [] }]
  return value.items.map((item: unknown, i) => ({ value: item, path: ['items', i] }))
}

export function checkObject(value: unknown, options: ObjectOptions = {}): Checked {
  const findings: Finding[] = []
  const report: Report = (code, path, message, extra) => findings.push({ code, path, message, ...extra })
  const kind = findKind(value, report)
  const none = (identified: boolean): Checked => ({ result: 'none', findings, identified })
  if (kind === 'other') return none(true)
  if (kind === undefined) return none(false)
  const raw = value as Json
  const metadata = isMap(raw.metadata) ? raw.metadata : {}
  const namespace = metadata.namespace ?? options.defaultNamespace ?? 'default'
  const { name } = metadata
  if (typeof name !== 'string' || !isObjectName(name)) {
    if (name === undefined || name === null)
      report('PH1005', ['metadata', 'name'], 'metadata.name is missing', {
        params: { field: 'metadata.name' },
      })
    else report('PH1012', ['metadata', 'name'], `${JSON.stringify(name)} is no valid object name`)
    return none(false)
  }
  if (typeof namespace !== 'string' || !isNamespace(namespace)) {
    report('PH1012', ['metadata', 'namespace'], `${JSON.stringify(namespace)} is no valid namespace`)
    return none(false)
  }
  const key = configKey({ kind: kind.kind, namespace, name })
  const clean = checkFields(raw, kind, findings, report)
  const spec = isMap(clean.spec) ? clean.spec : {}
  const rules: Finding[] = []
  const wrong = findings.filter((f) => f.code === 'PH1004' || f.code === 'PH1005').map((f) => f.path)
  const context = {
    namespace,
    rootNamespace: options.rootNamespace ?? 'istio-system',
    refused: (field: string) => wrong.some((w) => w[0] === 'spec' && w[1] === field),
  }
  const reportRule: Report = (code, path, message, extra) => {
    // The schema has spoken about this place already.
    if (!wrong.some((w) => related(w, path))) rules.push({ code, path, message, ...extra })
  }
  kind.check(spec, context, reportRule)
  const cleanMetadata = isMap(clean.metadata) ? clean.metadata : {}
  const labels = (cleanMetadata.labels ?? {}) as Labels
  const annotations = (cleanMetadata.annotations ?? {}) as Labels
  checkLabels(labels, ['metadata', 'labels'], reportRule)
  checkHealth(annotations[HEALTH_KEY], ['metadata', 'annotations', HEALTH_KEY], reportRule)
  findings.push(...rules)
  if (findings.some(isError)) return { result: 'refused', key, findings }
  const createdAt = cleanMetadata.creationTimestamp as string | undefined
  const content = {
    kind: kind.kind,
    namespace,
    name,
    labels,
    annotations,
    ...(createdAt ? { createdAt } : {}),
    spec: kind.toSpec(spec),
    ...(clean.status === undefined ? {} : { status: clean.status }),
  }
  const object = { ...content, apiVersion: String(raw.apiVersion), version: hash(content) }
  return { result: 'valid', key, findings, object }
}

/** The definition of a kind that is served; `other` for what is known and not served; undefined if it can't be told. */
function findKind(value: unknown, report: Report): KindDefinition | 'other' | undefined {
  if (!isMap(value)) {
    report('PH1002', [], 'the document is no map of fields')
    return undefined
  }
  const { kind, apiVersion } = value
  if (typeof kind !== 'string' || typeof apiVersion !== 'string' || !kind || !apiVersion) {
    const missing = ['apiVersion', 'kind'].filter((f) => typeof value[f] !== 'string' || !value[f])
    report('PH1002', [], `the document has no ${missing.join(' and no ')}`)
    return undefined
  }
  const definition = served.get(kind)
  if (definition) {
    if (VERSIONS.includes(apiVersion)) return definition
    report('PH1006', ['apiVersion'], `${kind} has no apiVersion ${apiVersion}`, {
      params: { version: VERSIONS[0]! },
    })
    return undefined
  }
  const group = apiVersion.split('/')[0]!
  if (group.endsWith('.istio.io') && !ISTIO_KINDS.includes(kind)) {
    const hint = suggestion(kind, [...served.keys(), ...ISTIO_KINDS])
    report('PH1004', ['kind'], `${apiVersion} has no kind ${kind}`, { params: { hint } })
    return undefined
  }
  if (group.endsWith('.istio.io') || group === 'gateway.networking.k8s.io')
    report('PH1007', ['kind'], `${kind} has no effect in this version`)
  else report('PH1008', ['kind'], `${kind} (${apiVersion}) is no mesh configuration`)
  return 'other'
}

/** Schema and unknown fields; returns the object without nulls and without what has the wrong type. */
function checkFields(raw: Json, kind: KindDefinition, findings: Finding[], report: Report): Json {
  const errors = schemaFindings(kind.schema({ ...raw, apiVersion: VERSIONS[0] }), raw)
  findings.push(...errors)
  const shape = {
    apiVersion: 'value',
    kind: 'value',
    metadata: metadataShape,
    spec: kind.spec,
    status: 'map',
  } as const
  checkShape(raw, shape, [], report)
  const wrong = new Set<unknown>(errors.flatMap((e) => (e.code === 'PH1004' ? [JSON.stringify(e.path)] : [])))
  return prune(raw, [], wrong) as Json
}

/** A copy without null fields (as protobuf reads them) and without the values at `wrong` paths; list items keep their index. */
function prune(value: unknown, path: Path, wrong: ReadonlySet<unknown>): unknown {
  if (value === null || (wrong.size > 0 && wrong.has(JSON.stringify(path)))) return undefined
  if (Array.isArray(value)) return value.map((item, i) => prune(item, [...path, i], wrong))
  if (!isMap(value)) return value
  const fields = Object.entries(value).map(([field, child]) => [field, prune(child, [...path, field], wrong)])
  // Not by assignment: a field may be called __proto__.
  return Object.fromEntries(fields.filter(([, child]) => child !== undefined))
}

function related(a: Path, b: Path): boolean {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return false
  return true
}

const isError = (f: Finding): boolean => severityOf(f) === 'error'

const severityOf = (f: Finding): 'error' | 'warning' | 'info' => f.severity ?? issueCodes[f.code].severity

/** Equal content, equal hash, whatever the order of the fields. */
function hash(content: unknown): string {
  return createHash('sha256').update(canonical(content)).digest('base64url').slice(0, 16)
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) =>
    isMap(v) ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) : v,
  )
}
