/** What the xDS server tells, as metrics, events and log lines. */
import type { Mesh } from '#mesh/mesh.ts'
import type { MeshSnapshot } from '#model/mesh.ts'
import type { Logger } from '#support/logger.ts'
import type { XdsHooks } from '#telemetry/metrics.ts'
import type { XdsObserver } from '#xds/server/index.ts'
import { shortName } from '#xds/type-urls.ts'
import type { Events } from './events.ts'
import type { Registering } from './registering.ts'

export function observeXds(
  metrics: XdsHooks,
  events: Events,
  log: Logger,
  registering?: Pick<Registering, 'connect' | 'disconnect'>,
  now: () => number = Date.now,
): XdsObserver {
  let refused = 0
  let refusedAt = Number.NEGATIVE_INFINITY
  return {
    onConnect({ id, peer, node, protocol }) {
      metrics.onConnect(id)
      events.emit('connect', { stream: id, peer, node: node?.id, protocol })
      log.debug({ stream: id, peer, node: node?.id, protocol }, 'proxy connected')
      registering?.connect(id, node)
    },
    onDisconnect({ id, peer, node }) {
      metrics.onDisconnect(id)
      events.emit('disconnect', { stream: id, peer, node: node?.id })
      log.debug({ stream: id, peer, node: node?.id }, 'proxy gone')
      registering?.disconnect(id)
    },
    onPush: ({ id }, typeUrl, resources, bytes) =>
      metrics.onPush(shortName(typeUrl), resources.length, bytes, id),
    onAck: ({ id }, typeUrl) => metrics.onAck(shortName(typeUrl), id),
    onNack({ id, node }, typeUrl, message) {
      const type = shortName(typeUrl)
      metrics.onNack(type, id)
      events.emit('nack', { stream: id, node: node?.id, type, message })
    },
    onExpiredNonce: (_stream, typeUrl) => metrics.onExpiredNonce(shortName(typeUrl)),
    onRefused(peer, code, message) {
      metrics.onRefused(code)
      // A thousand proxies refused at once are one line, and those of a Pilot that shuts down are none.
      refused++
      if (code === 'UNAVAILABLE' || now() - refusedAt < 10_000) return
      log.warn({ peer, code, message, refused }, 'xDS streams refused')
      refused = 0
      refusedAt = now()
    },
    onGarbage(peer) {
      metrics.onGarbage()
      log.debug({ peer }, 'connection to the xDS port was not xDS')
    },
  }
}

/** Says it when a source is in trouble, when its trouble is another, and when it is over. */
export function watchSources(log: Logger): (snapshot: Pick<MeshSnapshot, 'sources'>) => void {
  const troubled = new Map<string, string>()
  return ({ sources }) => {
    for (const { name, kind, error, since, state } of sources.values()) {
      // Who follows files says more of them itself.
      if (kind === 'file' || kind === 'files' || error?.code === troubled.get(name)) continue
      if (error) {
        troubled.set(name, error.code)
        log.warn({ source: name, ...error, since }, `${name} is in trouble: what it said last is served on`)
      } else {
        troubled.delete(name)
        log.info({ source: name, state }, `${name} speaks again`)
      }
    }
    for (const name of [...troubled.keys()]) if (!sources.has(name)) troubled.delete(name)
  }
}

/**
 * Says it once if the grace is over and nothing is served yet: no registry knows anything, and an empty mesh would be
 * worse than a closed port. Returns what calls it off.
 */
export function watchStart(mesh: Pick<Mesh, 'readiness'>, graceMs: number, log: Logger): () => void {
  const timer = setTimeout(() => {
    const readiness = mesh.readiness()
    if (readiness.ready) return
    const waitingFor = readiness.waitingFor.map(({ registry, error }) => ({
      registry,
      error: error?.message,
    }))
    log.error(
      { waitingFor },
      'xDS stays closed: no registry has said anything yet, and nothing is kept from before (bring one back; with stateDir set, a restart serves what they said last; /ready names them)',
    )
  }, graceMs + 100)
  timer.unref()
  return () => clearTimeout(timer)
}
