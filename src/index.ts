/**
 * Pilothouse as a library: the xDS server with its in-memory source, resources from Envoy's messages, and the Pilot.
 */

export { type LoadedSettings, loadSettings, type Settings } from '#src/settings.ts'
export { makeResource, resource, withTtl } from '#xds/make-resource.ts'
export { emptyResourceSet, layered, withChanges } from '#xds/resource-set.ts'
export {
  type Absence,
  type Node,
  NodeRefused,
  type Resource,
  type ResourceSet,
  type ResourceSource,
  type ResourceUpdate,
  type TypeUrl,
} from '#xds/resources.ts'
export {
  type ClusterLoad,
  createMemorySource,
  createRestHandler,
  createXdsServer,
  defaultLimits,
  type LoadReport,
  type Loads,
  type LocalityLoad,
  type MemoryOptions,
  type MemorySource,
  type NackStatus,
  type ResourceState,
  type ResourceStatus,
  type RestAnswer,
  type RestHandler,
  type StreamInfo,
  type StreamStatus,
  type SyncStatus,
  type TypeStatus,
  type XdsLimits,
  type XdsObserver,
  type XdsServer,
  type XdsServerOptions,
} from '#xds/server/index.ts'
export { typeUrls } from '#xds/type-urls.ts'
export { type Pilot, type PilotOptions, startPilot } from './main.ts'
