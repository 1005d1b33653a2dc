/**
 * A registered workload as Pilots tell each other of it: a WorkloadEntry with Istio's annotations (pilot/pkg/autoregistration)
 * and two of ours. Pure.
 */
import type { ConfigObject, WorkloadEntrySpec } from '#model/config.ts'
import type { Workload } from '#model/service.ts'
import { canonicalAddress } from '#support/address.ts'
import { HEALTH_KEY, healthOf } from '../health.ts'
import { groupObject, localityOf } from './entry.ts'

export interface StoredRecord {
  readonly workload: Workload
  /** The Pilot that its proxy is, or was last, connected to. */
  readonly controller: string
  /** Ms since the epoch. */
  readonly connectedAt: number
  /** When its Pilot said so last, ms since the epoch. */
  readonly renewedAt: number
}

const GROUP = 'istio.io/autoRegistrationGroup'
const CONTROLLER = 'istio.io/workloadController'
const CONNECTED = 'istio.io/connectedAt'
const RENEWED = 'pilothouse.io/renewedAt'

export function toObject({ workload, controller, connectedAt, renewedAt }: StoredRecord): object {
  const {
    namespace,
    workload: name,
    address,
    ports,
    labels,
    network,
    weight,
    serviceAccount,
    locality,
    health,
  } = workload
  const group = workload.origin.object.split('/').at(-1) ?? ''
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadEntry',
    metadata: {
      name,
      namespace,
      annotations: {
        [GROUP]: group,
        [CONTROLLER]: controller,
        [CONNECTED]: new Date(connectedAt).toISOString(),
        [RENEWED]: new Date(renewedAt).toISOString(),
      },
    },
    spec: {
      ...{ address, ports, weight },
      labels: health === 'HEALTHY' ? labels : { ...labels, [HEALTH_KEY]: health.toLowerCase() },
      ...(network && { network }),
      ...(serviceAccount && { serviceAccount }),
      ...(locality && {
        locality: [locality.region, locality.zone, locality.subzone].join('/').replace(/\/+$/, ''),
      }),
    },
  }
}

/** Undefined: not one of ours. */
export function fromObject(object: ConfigObject, registry: string): StoredRecord | undefined {
  if (object.kind !== 'WorkloadEntry') return undefined
  const { [GROUP]: group, [CONTROLLER]: controller } = object.annotations
  const connectedAt = Date.parse(object.annotations[CONNECTED] ?? '')
  const renewedAt = Date.parse(object.annotations[RENEWED] ?? '')
  const spec = object.spec as WorkloadEntrySpec
  if (!group || !controller || Number.isNaN(connectedAt) || Number.isNaN(renewedAt) || !spec.address)
    return undefined
  const { address, locality: text, ...rest } = spec
  const { [HEALTH_KEY]: _health, ...labels } = spec.labels
  const locality = localityOf(text)
  const workload: Workload = {
    ...rest,
    address: canonicalAddress(address),
    labels,
    health: healthOf(spec.labels) ?? 'HEALTHY',
    ...(locality && { locality }),
    workload: object.name,
    namespace: object.namespace,
    registry,
    origin: { source: registry, object: groupObject(object.namespace, group) },
  }
  return { workload, controller, connectedAt, renewedAt }
}
