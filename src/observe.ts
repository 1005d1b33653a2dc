/** What the xDS server tells, as metrics, events and log lines. */
import type { Logger } from '#support/logger.ts'
import type { XdsHooks } from '#telemetry/metrics.ts'
import type { XdsObserver } from '#xds/server/index.ts'
import { shortName } from '#xds/type-urls.ts'
import type { Events } from './events.ts'

export function observeXds(metrics: XdsHooks, events: Events, log: Logger): XdsObserver {
  return {
    onConnect({ id, peer, node, protocol }) {
      metrics.onConnect(id)
      events.emit('connect', { stream: id, peer, node: node?.id, protocol })
      log.debug({ stream: id, peer, node: node?.id, protocol }, 'proxy connected')
    },
    onDisconnect({ id, peer, node }) {
      metrics.onDisconnect(id)
      events.emit('disconnect', { stream: id, peer, node: node?.id })
      log.debug({ stream: id, peer, node: node?.id }, 'proxy gone')
    },
    onPush: ({ id }, typeUrl, resources, bytes) =>
      metrics.onPush(shortName(typeUrl), resources.length, bytes, id),
    onAck: ({ id }, typeUrl) => metrics.onAck(shortName(typeUrl), id),
    onNack({ id, node }, typeUrl, message) {
      const type = shortName(typeUrl)
      metrics.onNack(type, id)
      events.emit('nack', { stream: id, node: node?.id, type, message })
      log.warn({ stream: id, node: node?.id, type, message }, 'proxy rejected its configuration (NACK)')
    },
    onExpiredNonce: (_stream, typeUrl) => metrics.onExpiredNonce(shortName(typeUrl)),
    onRefused(peer, code, message) {
      metrics.onRefused(code)
      log.warn({ peer, code, message }, 'xDS stream refused')
    },
    onGarbage(peer) {
      metrics.onGarbage()
      log.debug({ peer }, 'connection to the xDS port was not xDS')
    },
  }
}
