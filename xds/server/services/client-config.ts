/**
 * A client as CSDS shows it: envoy/service/status/v3/csds.proto (ClientConfig). `config_status` is what the server knows,
 * `client_status` what follows from the client's answers. `version_info` is the resource's own version, in state of the
 * world too; `last_updated` is when something of its type was sent last. A refused resource has what was refused in
 * `error_state`, and neither version nor content, since it isn't known what its client has instead.
 */
import { ClientResourceStatus } from '../../proto/gen/envoy/admin/v3/config_dump_shared_pb.js'
import {
  type ClientConfig_GenericXdsConfigSchema,
  type ClientConfigSchema,
  ConfigStatus,
} from '../../proto/gen/envoy/service/status/v3/csds_pb.js'
import {
  type Any,
  type JsonObject,
  type MessageInitShape,
  type Timestamp,
  timestampFromDate,
} from '../../proto/index.ts'
import type { Node, Resource } from '../../resources.ts'
import type { ResourceState, ResourceStatus, StreamStatus, TypeStatus } from '../status.ts'

type GenericInit = MessageInitShape<typeof ClientConfig_GenericXdsConfigSchema>

/** What may be shown of a resource; undefined = nothing. */
export type Contents = (resource: Resource) => Any | undefined

/** One client: an aggregated stream, or the streams of one node that has one for each type. */
export function clientConfig(
  node: Node,
  streams: readonly StreamStatus[],
  contents: Contents,
): MessageInitShape<typeof ClientConfigSchema> {
  const genericXdsConfigs: GenericInit[] = []
  for (const { types } of streams)
    for (const type of types)
      for (const resource of type.resources()) genericXdsConfigs.push(genericConfig(type, resource, contents))
  return { node: nodeMessage(node), genericXdsConfigs }
}

const states: Readonly<Record<ResourceState, readonly [ConfigStatus, ClientResourceStatus]>> = {
  REQUESTED: [ConfigStatus.NOT_SENT, ClientResourceStatus.REQUESTED],
  SENT: [ConfigStatus.STALE, ClientResourceStatus.UNKNOWN],
  ACKED: [ConfigStatus.SYNCED, ClientResourceStatus.ACKED],
  NACKED: [ConfigStatus.ERROR, ClientResourceStatus.NACKED],
}

function genericConfig(type: TypeStatus, status: ResourceStatus, contents: Contents): GenericInit {
  const { name, version, resource, state } = status
  const { typeUrl, sentAt, nack } = type
  const absent = state === 'ACKED' && version === ''
  const [configStatus, known] = states[state]
  const clientStatus = absent ? ClientResourceStatus.DOES_NOT_EXIST : known
  const content = resource && contents(resource)
  const init: GenericInit = { typeUrl, name, configStatus, clientStatus, lastUpdated: time(sentAt) }
  if (state !== 'NACKED') return { ...init, versionInfo: version, xdsConfig: content }
  const errorState = {
    details: nack?.message ?? '',
    lastUpdateAttempt: time(nack?.since ?? 0),
    versionInfo: version,
    failedConfiguration: content,
  }
  return { ...init, errorState }
}

/** Of Unix time in milliseconds; 0 = never. */
const time = (ms: number): Timestamp | undefined => (ms === 0 ? undefined : timestampFromDate(new Date(ms)))

const nodeMessage = (node: Node) => ({
  id: node.id,
  cluster: node.cluster,
  metadata: node.metadata as JsonObject,
  ...(node.locality && { locality: node.locality }),
  userAgentName: node.userAgentName,
  ...(node.userAgentVersion !== '' && {
    userAgentVersionType: { case: 'userAgentVersion' as const, value: node.userAgentVersion },
  }),
})
