/** The field `mesh` of the settings. */
import type { MeshSettings } from '#model/mesh.ts'
import { type Reader, readChoice, readDuration, readFlag, readMap, readText } from './settings-reader.ts'

export function readMesh(reader: Reader, value: unknown): MeshSettings {
  const known = [
    'trustDomain',
    'rootNamespace',
    'outboundTrafficPolicy',
    'connectTimeout',
    'localityLbSetting',
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
    protocolDetectionTimeout:
      readDuration(reader, mesh.protocolDetectionTimeout, ['mesh', 'protocolDetectionTimeout']) ?? 0,
  }
}
