/** What the rest of the project, and others, may use of the xDS server. */
export { defaultLimits, type XdsLimits } from './limits.ts'
export { createMemorySource, type MemoryOptions, type MemorySource } from './memory.ts'
export { createRestHandler, type RestAnswer, type RestHandler } from './rest.ts'
export { createXdsServer, type XdsServer, type XdsServerOptions } from './server.ts'
export type { ClusterLoad, LoadReport, LocalityLoad } from './services/load.ts'
export type { Loads } from './services/lrs.ts'
export type {
  NackStatus,
  ResourceState,
  ResourceStatus,
  StreamInfo,
  StreamStatus,
  SyncStatus,
  TypeStatus,
  XdsObserver,
} from './status.ts'
