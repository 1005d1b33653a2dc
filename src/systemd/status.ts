/** STATUS= of the service manager: one line for `systemctl status`. */
import { asyncScheduler, map, type Observable, throttleTime } from 'rxjs'
import type { PilotHealth, SourceTrouble } from '../health.ts'

/** `serving` is where xDS is served, if it is. */
export function statusLine({ waitingFor, stale }: PilotHealth, serving: string | undefined): string {
  if (serving === undefined)
    return waitingFor.length > 0 ? `Waiting for ${list(waitingFor)}` : 'Opening the xDS port'
  return `Serving xDS on ${serving}${stale.length > 0 ? `; not reachable, last answer kept: ${list(stale)}` : ''}`
}

const SHOWN = 5

function list(sources: readonly SourceTrouble[]): string {
  const shown = sources.slice(0, SHOWN).map(({ source, error }) => (error ? `${source} (${error})` : source))
  const more = sources.length - shown.length
  // The protocol has one assignment a line.
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ').replace(/[\r\n]+/g, ' ')
}

/** At most one a second, and always the last. */
export const statusLines = (
  health: Observable<PilotHealth>,
  serving: () => string | undefined,
): Observable<string> =>
  health.pipe(
    throttleTime(1_000, asyncScheduler, { leading: true, trailing: true }),
    map((state) => statusLine(state, serving())),
  )
