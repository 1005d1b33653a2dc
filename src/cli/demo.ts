/** `pilothouse demo`: signals, and what the demo needs of the rest of the house. */

import { bootstrap } from '#inject/bootstrap.ts'
import { type DemoOptions, type DemoPilot, runStage } from '#src/demo/demo.ts'
import { EnvoyError } from '#src/demo/envoy.ts'
import { namespace } from '#src/demo/plan.ts'
import { loadSettings } from '#src/settings.ts'
import { type Logger, silentLogger } from '#support/logger.ts'
import { startPilot } from '../main.ts'
import { CommandFailure } from './failure.ts'
import type { DemoCommandOptions } from './options.ts'

/**
 * Resolves with the exit code: 0 if all that was shown was seen to be true, 1 if not, 130 if interrupted before its end.
 * @throws CommandFailure where this machine can't run it, with the remedy
 */
export async function runDemo({ once }: DemoCommandOptions): Promise<number> {
  const stop = new AbortController()
  // The second time it is meant at once; the Envoys are ended even so.
  const abort = () => (stop.signal.aborted ? process.exit(130) : stop.abort())
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const each of signals) process.on(each, abort)
  try {
    return await runStage({
      once,
      out: process.stdout,
      signal: stop.signal,
      startPilot: openPilot,
      bootstrap: sidecarBootstrap,
    })
  } catch (error) {
    if (error instanceof EnvoyError) throw new CommandFailure(error.message, error.remedy, 1)
    throw error
  } finally {
    for (const each of signals) process.off(each, abort)
  }
}

/** The Pilot as `serve` runs it, with nothing of the user's own settings or environment. */
const openPilot: DemoOptions['startPilot'] = async ({ files, xdsPort, adminPort }): Promise<DemoPilot> => {
  const flags = {
    files: [files],
    xdsAddress: `127.0.0.1:${xdsPort}`,
    adminAddress: `127.0.0.1:${adminPort}`,
  }
  const { settings, issues } = loadSettings({ flags })
  if (!settings) throw new Error(issues.map(({ message }) => message).join('; '))
  const pilot = await startPilot(settings, { log: onlyErrors })
  await pilot.xds
  return pilot
}

const onlyErrors: Logger = {
  ...silentLogger,
  error: (fields, message) => console.error(`Pilot: ${message}`, fields),
}

const sidecarBootstrap: DemoOptions['bootstrap'] = (workload, xdsPort) =>
  bootstrap({
    ...{ id: workload.name, namespace, ip: workload.ip, mode: 'explicit', adminPort: workload.adminPort },
    labels: { app: workload.service, version: workload.version },
    xds: `127.0.0.1:${xdsPort}`,
    outbound: `${workload.ip}:${workload.outboundPort}`,
  })
