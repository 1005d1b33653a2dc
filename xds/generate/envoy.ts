/** Small pieces of Envoy messages that several generators use. */
import { isIP } from 'node:net'
import type { AddressSchema } from '#xds/proto/gen/envoy/config/core/v3/address_pb.js'
import { ApiVersion, type ConfigSourceSchema } from '#xds/proto/gen/envoy/config/core/v3/config_source_pb.js'
import {
  type DescMessage,
  duration,
  type MessageInitShape,
  type MessageShape,
  pack,
} from '#xds/proto/index.ts'

export type AddressInit = Init<typeof AddressSchema>

export const zeroSeconds = duration(0)

/** Over the aggregated stream; no timeout, so that nothing goes on without the children it asked for. */
export const adsConfig = (): Init<typeof ConfigSourceSchema> => ({
  configSourceSpecifier: { case: 'ads', value: {} },
  initialFetchTimeout: zeroSeconds,
  resourceApiVersion: ApiVersion.V3,
})

export const socketAddress = (address: string, port: number): AddressInit => ({
  address: {
    case: 'socketAddress',
    value: { address, portSpecifier: { case: 'portValue', value: port } },
  },
})

const UNIX = 'unix://'
export const isUnix = (address: string): boolean => address.startsWith(UNIX)
/** IP and port, or `unix:///path`. */
export const anyAddress = (address: string, port: number): AddressInit =>
  isUnix(address)
    ? { address: { case: 'pipe', value: { path: address.slice(UNIX.length) } } }
    : socketAddress(address, port)

export const isAddress = (address: string): boolean => isIP(address) !== 0

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
