/** The field `mesh` of the settings. */
import type { MeshSettings } from '#model/mesh.ts'
import {
  complain,
  type Reader,
  readChoice,
  readDuration,
  readFlag,
  readInterval,
  readMap,
  readShare,
  readText,
} from './settings-reader.ts'

export function readMesh(reader: Reader, value: unknown): MeshSettings {
  const known = [
    'trustDomain',
    'rootNamespace',
    'outboundTrafficPolicy',
    'connectTimeout',
    'localityLbSetting',
    'localityWeightsFromLoad',
    'protocolDetectionTimeout',
  ]
  const mesh = readMap(reader, value, ['mesh'], known)
  const locality = readMap(reader, mesh.localityLbSetting, ['mesh', 'localityLbSetting'], ['enabled'])
  // Istio's MeshConfig writes { mode: REGISTRY_ONLY }; the bare word means the same.
  const policy = mesh.outboundTrafficPolicy
  const nested = typeof policy === 'object' && policy !== null
  const policyPath = ['mesh', 'outboundTrafficPolicy']
  const mode = nested ? readMap(reader, policy, policyPath, ['mode']).mode : policy
  return {
    trustDomain: readText(reader, mesh.trustDomain, ['mesh', 'trustDomain']) ?? 'cluster.local',
    rootNamespace: readText(reader, mesh.rootNamespace, ['mesh', 'rootNamespace']) ?? 'istio-system',
    outboundTrafficPolicy:
      readChoice(reader, mode, nested ? [...policyPath, 'mode'] : policyPath, [
        'ALLOW_ANY',
        'REGISTRY_ONLY',
      ]) ?? 'ALLOW_ANY',
    connectTimeout: readDuration(reader, mesh.connectTimeout, ['mesh', 'connectTimeout']) ?? 10_000,
    localityLbEnabled: readFlag(reader, locality.enabled, ['mesh', 'localityLbSetting', 'enabled']) ?? false,
    ...readWeights(reader, mesh.localityWeightsFromLoad, locality.enabled === true),
    protocolDetectionTimeout:
      readDuration(reader, mesh.protocolDetectionTimeout, ['mesh', 'protocolDetectionTimeout']) ?? 0,
  }
}

/** On if it says `enabled: true`. */
function readWeights(
  reader: Reader,
  value: unknown,
  byPriority: boolean,
): Pick<MeshSettings, 'localityWeightsFromLoad'> {
  const path = ['mesh', 'localityWeightsFromLoad']
  const fields = readMap(reader, value, path, ['enabled', 'interval', 'threshold'])
  const interval = readInterval(reader, fields.interval, [...path, 'interval']) ?? 30_000
  const threshold = readShare(reader, fields.threshold, [...path, 'threshold']) ?? 0.05
  if (!readFlag(reader, fields.enabled, [...path, 'enabled'])) return {}
  if (byPriority)
    complain(
      reader,
      path,
      'mesh.localityWeightsFromLoad has no effect beside mesh.localityLbSetting, which sends all to the nearest',
      'Enable one of the two.',
    )
  return { localityWeightsFromLoad: { interval, threshold } }
}
