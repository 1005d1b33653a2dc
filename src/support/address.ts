/** Addresses as keys. */
import { isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** One spelling for one address (RFC 5952): a node and an endpoint may write the same one differently. */
export const canonicalAddress = (address: string): string =>
  address.includes(':') && isIPv6(address) ? ipaddr.IPv6.parse(address).toRFC5952String() : address
