/** Settings read again (SIGHUP): what was refused, what is in force, what takes a restart; told in log, events and issues. */
import type { Issue } from '#model/issue.ts'
import type { LoadedSettings, Settings } from '#src/settings.ts'
import { sameContent } from '#support/equal.ts'
import type { Logger } from '#support/logger.ts'
import type { LivePipeline } from './live-pipeline.ts'
import { settingsChange } from './settings-change.ts'

export type ReloadOutcome =
  /** Nothing has changed: the settings before stay in force. */
  | { readonly kind: 'refused'; readonly issues: readonly Issue[] }
  | {
      readonly kind: 'unchanged' | 'applied'
      readonly settings: Settings
      /** Differ, but stay as they were until a restart. */
      readonly needRestart: readonly string[]
    }
  /** A later reload, or the end, came before the new registries had spoken. */
  | { readonly kind: 'superseded' }

export interface Reload {
  reload(loaded: LoadedSettings): Promise<ReloadOutcome>
  readonly settings: () => Settings
  /** What was wrong with the settings that were refused last; empty once others were taken. */
  readonly issues: () => readonly Issue[]
}

export interface ReloadDeps {
  readonly live: LivePipeline
  readonly log: Logger
  readonly emit: (type: string, data: object) => void
}

export function createReload(first: Settings, { live, log, emit }: ReloadDeps): Reload {
  let inForce = first
  let refused: readonly Issue[] = []

  async function reload(loaded: LoadedSettings): Promise<ReloadOutcome> {
    const outcome = await attempt(loaded)
    const needRestart = 'needRestart' in outcome ? outcome.needRestart : []
    emit('reload', { outcome: outcome.kind, needRestart })
    if (needRestart.length > 0)
      log.warn(
        { needRestart },
        `these settings differ, and stay as they were until a restart: ${needRestart.join(', ')}`,
      )
    return outcome
  }

  async function attempt({ settings, issues }: LoadedSettings): Promise<ReloadOutcome> {
    if (!settings) return refuse(issues)
    for (const { severity, ...issue } of issues) if (severity === 'warning') log.warn(issue, issue.message)
    const change = settingsChange(inForce, settings)
    const { needRestart } = change
    if (!change.pipeline) {
      refused = []
      inForce = change.settings
      log.info({}, 'settings read again: the sources stay as they are')
      return { kind: 'unchanged', settings: inForce, needRestart }
    }
    const taken = await replace(change.settings)
    if (taken === 'refused') return { kind: 'refused', issues: refused }
    if (!taken) return { kind: 'superseded' }
    refused = []
    acceptNarrower(inForce, change.settings, live)
    inForce = change.settings
    const { services, sources } = live.current().mesh.snapshot()
    log.info({ sources: [...sources.keys()], services: services.size }, 'settings read again, and in force')
    return { kind: 'applied', settings: inForce, needRestart }
  }

  async function replace(settings: Settings): Promise<boolean | 'refused'> {
    const slow = setTimeout(() => {
      log.warn(
        {},
        'the new settings wait for registries that have not spoken; the old ones stay in force until then',
      )
    }, settings.startupGrace + 100).unref()
    try {
      return await live.replace(settings)
    } catch (error) {
      refuse([brokenSettings(error)])
      return 'refused'
    } finally {
      clearTimeout(slow)
    }
  }

  function refuse(issues: readonly Issue[]): ReloadOutcome {
    refused = issues
    for (const { message, ...issue } of issues) log.error(issue, message)
    log.error({ issues: issues.length }, 'settings refused: those before stay in force')
    return { kind: 'refused', issues }
  }

  return { reload, settings: () => inForce, issues: () => refused }
}

/** What only shows when the sources are made, such as two of one name. */
const brokenSettings = (error: unknown): Issue => ({
  severity: 'error',
  code: 'PH1407',
  message: error instanceof Error ? error.message : String(error),
  remedy: 'Correct the settings and reload again.',
})

/** What a registry no longer says because its own entry was changed is gone on purpose: nothing of it is held back. */
function acceptNarrower(before: Settings, after: Settings, live: LivePipeline): void {
  for (const entry of after.registries) {
    const old = before.registries.find(({ name }) => name === entry.name)
    if (old !== undefined && !sameContent(old, entry)) live.current().mesh.accept(entry.name)
  }
}
