/** A zone in memory that answers as a server would, and virtual time for who asks it. */
import { setImmediate as turn } from 'node:timers/promises'
import { VirtualTimeScheduler } from 'rxjs'
import type { Outcome, RecordSet } from '#registries/dns/answer.ts'
import type { Ask } from '#registries/dns/follow.ts'
import { type Question, questionKey, type SrvData } from '#registries/dns/message.ts'
import { registryError } from '#registries/trouble.ts'

export const failed = (code: 'PH3001' | 'PH3004' = 'PH3004'): Outcome => ({
  kind: 'failed',
  error: registryError(code, 'test:53: SERVFAIL.'),
})
export const none = (ttl = 60_000): Outcome => ({ kind: 'none', why: 'NXDOMAIN', ttl })

export const records = (question: Question, ...values: readonly (string | SrvData)[]): Outcome => ({
  kind: 'records',
  set: recordSet(question, 60_000, ...values),
  additional: [],
})
export const recordSet = (
  question: Question,
  ttl: number,
  ...values: readonly (string | SrvData)[]
): RecordSet => ({
  question,
  ttl,
  addresses: values.filter((value) => typeof value === 'string'),
  services: values.filter((value) => typeof value !== 'string'),
})

export const srv = (target: string, port = 8080, priority = 0, weight = 1): SrvData => ({
  priority,
  weight,
  port,
  target,
})

/** `A a.test` to what is answered; who is not in it does not exist. */
export type Zone = Map<string, Outcome>

export function zoneAsk(zone: Zone) {
  const asked: string[] = []
  let open = 0
  const ask: Ask = async (question, signal) => {
    asked.push(questionKey(question))
    open++
    await turn()
    open--
    signal.throwIfAborted()
    return zone.get('*') ?? zone.get(questionKey(question)) ?? none()
  }
  return { ask, asked, open: () => open }
}

/** Virtual time that lets promises go on between two steps. */
export function virtualClock() {
  const clock = new VirtualTimeScheduler()
  let time = 0
  return {
    clock,
    async pass(ms: number, step = Math.max(10, ms / 200)): Promise<void> {
      for (const end = time + ms; time < end; ) {
        time = Math.min(time + step, end)
        clock.maxFrames = time
        clock.flush()
        clock.frame = time
        await turn()
      }
    },
    /** Timers that are still set. */
    open: () => clock.actions.filter((action) => !action.closed).length,
  }
}
