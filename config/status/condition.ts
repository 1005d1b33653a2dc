/**
 * What an object's status says of it: Istio's IstioStatus
 * (https://istio.io/latest/docs/reference/config/meta/v1beta1/istio-status/). Pure.
 */
import type { Issue } from '#model/issue.ts'

export interface IstioCondition {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason?: string
  readonly message?: string
  /** RFC 3339. */
  readonly lastTransitionTime?: string
  readonly lastProbeTime?: string
  readonly observedGeneration?: number
}

/** Istio's AnalysisMessageBase. */
export interface ValidationMessage {
  readonly type: { readonly code: string; readonly name?: string }
  readonly level: 'ERROR' | 'WARNING' | 'INFO'
  readonly documentationUrl?: string
}

export interface IstioStatus {
  readonly conditions?: readonly IstioCondition[]
  readonly validationMessages?: readonly ValidationMessage[]
  readonly observedGeneration?: number
}

/** Istio's own condition type: whether the configuration is in force. */
export const RECONCILED = 'Reconciled'

const LEVELS = { error: 'ERROR', warning: 'WARNING', info: 'INFO' } as const
/** The kind as such is not served: PH1007. */
const NO_EFFECT = 'PH1007'

/** The status that `issues` ask for; undefined where `before` says so already. Others' conditions stay. */
export function statusOf(
  issues: readonly Issue[],
  generation: number | undefined,
  before: IstioStatus | undefined,
  now: Date,
): IstioStatus | undefined {
  const mine = conditionOf(issues, generation)
  const conditions = Array.isArray(before?.conditions) ? before.conditions : []
  const old = conditions.find(({ type }) => type === RECONCILED)
  const validationMessages = issues.map(messageOf)
  const same =
    old !== undefined &&
    (['status', 'reason', 'message', 'observedGeneration'] as const).every((f) => old[f] === mine[f]) &&
    JSON.stringify((before?.validationMessages ?? []).map(essence)) ===
      JSON.stringify(validationMessages.map(essence))
  if (same) return undefined
  const since = old?.status === mine.status ? old.lastTransitionTime : undefined
  const condition: IstioCondition = { ...mine, lastTransitionTime: since ?? now.toISOString() }
  return {
    conditions: [...conditions.filter(({ type }) => type !== RECONCILED), condition],
    validationMessages,
    ...(generation !== undefined && { observedGeneration: generation }),
  }
}

function conditionOf(issues: readonly Issue[], generation: number | undefined): IstioCondition {
  const worst =
    issues.find(({ severity }) => severity === 'error') ?? issues.find(({ code }) => code === NO_EFFECT)
  const observed = generation === undefined ? {} : { observedGeneration: generation }
  if (worst === undefined)
    return { type: RECONCILED, status: 'True', reason: 'Accepted', message: '', ...observed }
  const reason = worst.code === NO_EFFECT ? 'NoEffect' : 'Invalid'
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : ''
  const place = worst.path ? `${worst.path}: ` : ''
  const message = `${worst.code} ${place}${worst.message}${more}; ${worst.remedy}`
  return { type: RECONCILED, status: 'False', reason, message, ...observed }
}

const messageOf = ({ code, severity, message, path }: Issue): ValidationMessage => ({
  type: { code, name: path ? `${path}: ${message}` : message },
  level: LEVELS[severity],
})

/** Without what the API server may add or leave out. */
const essence = ({ type, level }: ValidationMessage) => [type?.code, type?.name, level]
