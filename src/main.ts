/** Where the rooms meet: settings become sources, mesh, views, generator, xDS server and REST, and stop together. */
import { asyncScheduler as clock, type Observable, config as rxjs } from 'rxjs'
import { createAdmin } from '#admin/server.ts'
import { openStore } from '#mesh/store.ts'
import type { SourceState } from '#model/mesh.ts'
import { parseNode } from '#sidecar/node.ts'
import type { Views } from '#sidecar/views.ts'
import type { LoadedSettings, Settings } from '#src/settings.ts'
import type { Logger } from '#support/logger.ts'
import { createLogger } from '#telemetry/log.ts'
import { createMetrics, type Metrics } from '#telemetry/metrics.ts'
import type { Node } from '#xds/resources.ts'
import { createRestHandler, createXdsServer } from '#xds/server/index.ts'
import { version } from './cli/version.ts'
import { createEvents } from './events.ts'
import { health, type PilotHealth } from './health.ts'
import { createLivePipeline, newest } from './live-pipeline.ts'
import { observeLoad } from './load/load.ts'
import { observeXds, watchSources, watchStart } from './observe.ts'
import { proxyReader } from './proxies.ts'
import { createRegistering } from './registering.ts'
import { createReload, type ReloadOutcome } from './reload.ts'

export interface Pilot {
  readonly admin: BoundAddress
  /** Opens when the Pilot is ready; rejects if its address can't be bound, or if stopped before. */
  readonly xds: Promise<BoundAddress>
  /** The current one first, then each change; completes at the end. */
  readonly health: Observable<PilotHealth>
  /** For a watchdog: the mesh listens to its sources, and nothing has stopped. */
  alive(): boolean
  /** Settings read again are put in force, as far as that takes no restart, under open streams. Never rejects. */
  reload(loaded: LoadedSettings): Promise<ReloadOutcome>
  /** Sends proxies away over `drainMs` (default 0: at once), closes everything, writes the last snapshot. */
  stop(drainMs?: number): Promise<void>
}
export interface BoundAddress {
  readonly address: string
  readonly port: number
}

export interface PilotOptions {
  readonly log?: Logger
}

/**
 * Starts a Pilot: REST answers when this resolves, xDS is served as soon as the mesh is ready.
 * @throws the socket's error (EADDRINUSE …) for the admin address, StateDirError for the state directory
 */
export async function startPilot(settings: Settings, options: PilotOptions = {}): Promise<Pilot> {
  const log = options.log ?? createLogger(settings.log)
  // A subscriber that throws is a bug; it must not end a process that a fleet depends on.
  rxjs.onUnhandledError = (error) => log.error({ error }, 'a subscriber threw')
  const store = settings.stateDir ? await openStore({ dir: settings.stateDir, clock, log }) : undefined
  const registering = createRegistering()
  const live = createLivePipeline(settings, {
    log,
    proxies: registering.events,
    loads: () => server.loads.latest(),
    counters: { count: (name, label) => metrics.generate.count(name, label) },
    ...(store && { disk: store }),
  })
  const { source } = live
  const mesh = newest(() => live.current().mesh)
  const issues = () => [...reloading.issues(), ...mesh.issues()]
  const metrics: Metrics = createMetrics({
    version: version(),
    snapshot: () => mesh.snapshot(),
    streams: () => proxies.streams(),
    ready: () => mesh.readiness().ready,
    now: Date.now,
    issues,
    views: newest(() => live.current().views.counters),
    merge: newest(() => live.current().mesh.counters),
    load: newest(() => load),
  })
  const events = createEvents()
  const reloading = createReload(settings, { live, log, emit: events.emit })
  const server = createXdsServer({
    source,
    log,
    limits: {
      maxStreamsPerPeer: settings.xds.maxStreams,
      maxConnectionAgeMs: settings.xds.maxConnectionAge,
      loadReportMs: settings.xds.loadReportInterval,
    },
    observer: observeXds(metrics.xds, events, log, registering),
  })
  const proxies = proxyReader(server)
  const load = observeLoad({ loads: server.loads, services: () => mesh.snapshot().services, log })
  /** From the call of `stop` on; nobody new is to come then. */
  let closed: Promise<void> | undefined
  const rest = createRestHandler(source, log)
  const admin = createAdmin({
    version: { version: version(), node: process.version },
    settings: newest(() => reloading.settings().mesh),
    mesh: newest(() => {
      const readiness = () => (closed ? ({ ready: false, waitingFor: [] } as const) : mesh.readiness())
      return { ...live.current().mesh, readiness, issues }
    }),
    proxies,
    views: { describe: (node) => describe(live.current().views, node) },
    metrics,
    events,
    load,
    restDiscovery: (path, body) => rest(path, JSON.stringify(body)),
    log,
  })

  const endWatch = watchStart(mesh, settings.startupGrace, log)
  async function close(drainMs: number): Promise<void> {
    endWatch()
    registering.close()
    if (drainMs > 0) await server.drain(drainMs)
    live.end()
    await Promise.all([server.close(), admin.close()])
    await store?.close()
  }
  async function serve(): Promise<BoundAddress> {
    if (!(await live.whenReady())) throw new Error('stopped before the registries had spoken')
    for (const source of mesh.snapshot().sources.values())
      if (source.lastUpdate === undefined) log.warn(...silence(source))
    const bound = await server.listen(settings.xds.address)
    registering.open()
    log.info({ ...bound, services: mesh.snapshot().services.size }, 'serving xDS')
    return bound
  }

  const stop = (drainMs = 0): Promise<void> => (closed ??= close(drainMs))
  const tellTrouble = watchSources(log)
  live.updates.subscribe((update) => {
    metrics.mesh.onUpdate(update)
    tellTrouble(update.snapshot)
    events.mesh(update)
  })
  live.start()
  try {
    const bound = await admin.listen(settings.admin.address)
    log.info(bound, 'serving REST')
    const xds = serve()
    xds.catch(() => {})
    return { admin: bound, xds, health: health(live), alive: live.alive, reload: reloading.reload, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** What the operator must know: proxies that still have what this source said before will lose it. */
const silence = ({ name, error }: SourceState) =>
  [
    { source: name, ...(error && { error }) },
    `serving without ${name}, which has not said anything yet: proxies lose what they have of it (bring it back; with stateDir set, a restart serves what it said last)`,
  ] as const

function describe(views: Views, node: Node) {
  const sidecar = parseNode(node)
  return 'error' in sidecar ? undefined : views.describe(sidecar)
}
