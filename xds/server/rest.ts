/**
 * REST xDS, which Envoy polls with `api_type: REST`
 * (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#rest-json-polling-subscriptions).
 */
import { hash } from 'node:crypto'
import { type Logger, silentLogger } from '#support/logger.ts'
import {
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '../proto/gen/envoy/service/discovery/v3/discovery_pb.js'
import { decode } from '../proto/index.ts'
import { NodeRefused, type ResourceSource, type TypeUrl } from '../resources.ts'
import { typeUrls } from '../type-urls.ts'
import { nodeOf } from './decode.ts'
import { asBytes, fetchResources, NotReadyError } from './fetch.ts'
import type { Response } from './state.ts'

export interface RestAnswer {
  readonly status: number
  /** JSON; empty for 304. */
  readonly body: string
}

/** From the path and body of a POST; never rejects. */
export type RestHandler = (path: string, body: string) => Promise<RestAnswer>

const types: Readonly<Record<string, TypeUrl>> = {
  '/v3/discovery:clusters': typeUrls.cluster,
  '/v3/discovery:endpoints': typeUrls.endpoint,
  '/v3/discovery:listeners': typeUrls.listener,
  '/v3/discovery:routes': typeUrls.route,
  '/v3/discovery:scoped-routes': typeUrls.scopedRoute,
  '/v3/discovery:secrets': typeUrls.secret,
  '/v3/discovery:extension_configs': typeUrls.extensionConfig,
  '/v3/discovery:runtime': typeUrls.runtime,
}

/**
 * Answers DiscoveryRequests in JSON. 304 without a body when the client's version_info is that of the same
 * resources under the same names.
 */
export function createRestHandler(source: ResourceSource, log: Logger = silentLogger): RestHandler {
  return async (path, body) => {
    const typeUrl = types[path.split('?', 1)[0]!]
    if (typeUrl === undefined) {
      const known = Object.keys(types).join(', ')
      return problem(404, 'XDS_REST_PATH', `no discovery service at ${path}`, `use one of ${known}`)
    }
    // The schemas of all resources, which those who speak gRPC don't need.
    const { fromJson, toJson } = await import('../proto/json.ts')
    let request: DiscoveryRequest
    try {
      request = fromJson(DiscoveryRequestSchema, JSON.parse(body))
    } catch (error) {
      return problem(400, 'XDS_REST_BODY', messageOf(error), 'send a DiscoveryRequest in proto3 JSON')
    }
    if (!request.node?.id) {
      const remedy = 'set node.id in the bootstrap'
      return problem(400, 'XDS_NODE_ID', 'the request must carry node.id', remedy)
    }
    if (request.typeUrl !== '' && request.typeUrl !== typeUrl) {
      const remedy = `leave type_url out or set it to ${typeUrl}`
      return problem(400, 'XDS_REST_TYPE', `this path serves ${typeUrl}, not ${request.typeUrl}`, remedy)
    }
    const names = request.resourceNames
    try {
      const found = await fetchResources(source, { node: nodeOf(request.node), typeUrl, names })
      // Of absences REST says nothing: JSON with a field that a client doesn't know may be refused.
      const response = { ...found, nonce: '', version: versionOf(found, names), absent: [] }
      if (response.version === request.versionInfo) return { status: 304, body: '' }
      const message = decode(DiscoveryResponseSchema, asBytes(response))
      return { status: 200, body: JSON.stringify(toJson(DiscoveryResponseSchema, message)) }
    } catch (error) {
      if (error instanceof NotReadyError) return problem(503, 'XDS_NOT_READY', error.message, 'see /ready')
      if (error instanceof NodeRefused)
        return problem(400, 'XDS_NODE_REFUSED', error.message, 'correct the node in the bootstrap')
      log.error({ node: request.node.id, error }, 'REST discovery failed')
      return problem(500, 'XDS_INTERNAL', 'internal error of this Pilot', 'see its log')
    }
  }
}

/** No stream remembers what the client asked for before, so the names are part of the version. */
function versionOf({ version, resources }: Response, names: readonly string[]): string {
  if (names.length === 0) return version
  const parts = resources.map((resource) => `${resource.name} ${resource.version}`)
  return hash('sha256', [...[...names].sort(), '', ...parts.sort()].join('\n'), 'hex').slice(0, 16)
}

export function problem(status: number, code: string, message: string, remedy: string): RestAnswer {
  return { status, body: JSON.stringify({ code, message, remedy }) }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
