/** Addresses of clients. */
import ipaddr from 'ipaddr.js'

/** Of `address:port`; the address is as node:net says it, an IPv6 one without brackets. */
export const addressOf = (peer: string): string => peer.slice(0, peer.lastIndexOf(':'))

/** Whether this peer (`address:port`) is on this host; an IPv4 address may be mapped to IPv6. */
export function isLoopback(peer: string): boolean {
  const address = addressOf(peer)
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback'
}
