/** What listeners have in common. */

import type { MeshSettings } from '#model/mesh.ts'
import { canonicalAddress } from '#support/address.ts'
import { TrafficDirection } from '#xds/proto/gen/envoy/config/core/v3/base_pb.js'
import type { ListenerSchema } from '#xds/proto/gen/envoy/config/listener/v3/listener_pb.js'
import { duration } from '#xds/proto/index.ts'
import { anyAddress, type Init, type IpFamily, isUnix, isWildcardAddress, wildcards } from './envoy.ts'
import type { ListenerFilterInit } from './filters.ts'
import { listenerName, reservedPorts } from './names.ts'

export type ListenerInit = Init<typeof ListenerSchema>
export type Direction = 'outbound' | 'inbound'

export interface Socket {
  readonly name: string
  readonly addresses: readonly [string, ...string[]]
  readonly port: number
  /** False: no socket of its own; it gets what was redirected to 15001 or 15006. */
  readonly bound: boolean
}

export const wildcardSocket = (family: IpFamily, port: number, bound: boolean): Socket => {
  const addresses = wildcards(family)
  return { name: listenerName(addresses[0], port), addresses, port, bound }
}

export const socketAt = (address: string, port: number, bound: boolean): Socket => ({
  name: isUnix(address) ? address : listenerName(canonicalAddress(address), port),
  addresses: [canonicalAddress(address)],
  port,
  bound,
})

/** Taken by the proxy's own listeners where traffic is redirected: Envoy refuses a second one at the same address. */
export const isReserved = ({ addresses, port }: Socket): boolean =>
  reservedPorts.has(port) && addresses.some(isWildcardAddress)

export const listenerAt = ({ name, addresses, port, bound }: Socket, direction: Direction): ListenerInit => ({
  name,
  address: anyAddress(addresses[0], port),
  additionalAddresses: addresses.slice(1).map((address) => ({ address: anyAddress(address, port) })),
  bindToPort: bound ? undefined : false,
  trafficDirection: direction === 'outbound' ? TrafficDirection.OUTBOUND : TrafficDirection.INBOUND,
})

/**
 * Listener filters that look at the first bytes, and how long they may wait for them: Envoy's own 15 s would cut
 * off a client that is silent at first.
 */
export const sniffing = (settings: MeshSettings, filters: readonly ListenerFilterInit[]): ListenerInit =>
  filters.length === 0
    ? {}
    : {
        listenerFilters: [...filters],
        listenerFiltersTimeout: duration(settings.protocolDetectionTimeout),
        continueOnListenerFiltersTimeout: settings.protocolDetectionTimeout > 0,
      }
