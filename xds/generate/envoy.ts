/** Small pieces of Envoy messages that several generators use. */
import { isIP } from 'node:net'
import type { XdsConfigSource } from '#sidecar/view.ts'
import { canonicalAddress } from '#support/address.ts'
import type { AddressSchema } from '#xds/proto/gen/envoy/config/core/v3/address_pb.js'
import {
  type ApiConfigSourceSchema,
  ApiConfigSource_ApiType as ApiType,
  ApiVersion,
  type ConfigSourceSchema,
} from '#xds/proto/gen/envoy/config/core/v3/config_source_pb.js'
import {
  type DescMessage,
  duration,
  type MessageInitShape,
  type MessageShape,
  pack,
} from '#xds/proto/index.ts'

export type AddressInit = Init<typeof AddressSchema>

export const zeroSeconds = duration(0)

/**
 * Where a proxy asks for what a resource names: over the aggregated stream, or as it asked for the resource. No timeout,
 * so that nothing goes on without the children it asked for.
 */
export const configSource = (own?: XdsConfigSource): Init<typeof ConfigSourceSchema> => ({
  configSourceSpecifier:
    own === undefined ? { case: 'ads', value: {} } : { case: 'apiConfigSource', value: apiSource(own) },
  initialFetchTimeout: zeroSeconds,
  resourceApiVersion: ApiVersion.V3,
})

const apiTypes: Readonly<Record<XdsConfigSource['api'], ApiType>> = {
  GRPC: ApiType.GRPC,
  DELTA_GRPC: ApiType.DELTA_GRPC,
  REST: ApiType.REST,
}

const apiSource = (own: XdsConfigSource): Init<typeof ApiConfigSourceSchema> => ({
  apiType: apiTypes[own.api],
  transportApiVersion: ApiVersion.V3,
  ...(own.api === 'REST'
    ? {
        clusterNames: [own.cluster],
        refreshDelay: duration(own.refreshDelay),
        requestTimeout: duration(5000),
      }
    : {
        setNodeOnFirstMessageOnly: true,
        grpcServices: [{ targetSpecifier: { case: 'envoyGrpc', value: { clusterName: own.cluster } } }],
      }),
})

/** Part of a cache's key: equal for equal sources. */
export const sourceKey = (own: XdsConfigSource | undefined): string =>
  own === undefined ? '' : JSON.stringify(own)

export const socketAddress = (address: string, port: number): AddressInit => ({
  address: {
    case: 'socketAddress',
    value: { address, portSpecifier: { case: 'portValue', value: port } },
  },
})

const UNIX = 'unix://'
export const isUnix = (address: string): boolean => address.startsWith(UNIX)
/** The kernel's sun_path has 108 bytes with its end; Envoy refuses all that a longer path comes with. */
export const fitsSocket = (address: string): boolean => Buffer.byteLength(address.slice(UNIX.length)) < 108
/** IP and port, or `unix:///path`. */
export const anyAddress = (address: string, port: number): AddressInit =>
  isUnix(address)
    ? { address: { case: 'pipe', value: { path: address.slice(UNIX.length) } } }
    : socketAddress(address, port)

export const isAddress = (address: string): boolean => isIP(address) !== 0

/** `0.0.0.0` or `::`: all addresses, none in particular. */
export const isWildcardAddress = (address: string): boolean =>
  ['0.0.0.0', '::'].includes(canonicalAddress(address))

/** Name and typed configuration of a filter, listener filter or cluster type. */
export function typed<D extends DescMessage>(name: string, schema: D, init: MessageInitShape<D>) {
  return { name, configType: { case: 'typedConfig' as const, value: pack(schema, init) } }
}

export type IpFamily = 'v4' | 'v6' | 'dual'
/** What a listener for all addresses binds: the first, and the others as additional addresses. */
export const wildcards = (family: IpFamily): readonly [string, ...string[]] =>
  family === 'v4' ? ['0.0.0.0'] : family === 'v6' ? ['::'] : ['0.0.0.0', '::']

/** The plain object from which a message is made: unlike the library's own type it can be spread. */
export type Init<D extends DescMessage> = Exclude<MessageInitShape<D>, MessageShape<D>>
