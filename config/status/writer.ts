/** Writes what was found of each object to its status, while this Pilot is the elected writer. */
import type { Observable, SchedulerLike } from 'rxjs'
import { Subscription } from 'rxjs'
import type { Logger } from '#support/logger.ts'
import type { KubernetesCluster } from '../connections/kubernetes-api.ts'
import type { Verdict } from '../sources/kubernetes.ts'
import { type IstioStatus, statusOf } from './condition.ts'
import { type LeaseSpec, type LeaseStore, runElection } from './election.ts'
import { type ApiRequest, jsonRequest } from './request.ts'

export interface StatusWriterOptions {
  /** Of this Pilot: tells it from the others. */
  readonly identity: string
  /** Where the Lease is. */
  readonly namespace: string
  readonly verdicts: Observable<Verdict>
}
export interface StatusWriterDeps {
  readonly cluster: Pick<KubernetesCluster, 'hold'>
  readonly clock: SchedulerLike
  readonly log: Logger
}

const LEASE = 'pilothouse-status'
const MERGE_PATCH = 'application/merge-patch+json'

/** Runs until unsubscribed. What fails is logged, and tried again when the object or the leader changes. */
export function writeStatus(options: StatusWriterOptions, deps: StatusWriterDeps): Subscription {
  const { identity, namespace, verdicts } = options
  const { cluster, clock, log } = deps
  const held = cluster.hold()
  const request = jsonRequest(held.api)
  const stopping = new AbortController()
  /** The newest of each object; kept by those that don't lead, too, for the moment when they do. */
  const latest = new Map<string, Verdict>()
  const due = new Set<string>()
  let leading = false
  let writing = false

  async function write(): Promise<void> {
    if (writing) return
    writing = true
    for (const path of due) {
      if (!leading || stopping.signal.aborted) break
      due.delete(path)
      const verdict = latest.get(path)
      if (!verdict) continue
      await writeOne(verdict).catch((error: unknown) =>
        log.warn({ object: path, error: String(error) }, 'status not written'),
      )
    }
    writing = false
  }
  async function writeOne({ path, generation, resourceVersion, issues, ...verdict }: Verdict): Promise<void> {
    const before = verdict.status as IstioStatus | undefined
    const status = statusOf(issues, generation, before, new Date(clock.now()))
    if (status === undefined) return
    const answer = await request(
      'PATCH',
      `${path}/status`,
      { metadata: { resourceVersion }, status },
      MERGE_PATCH,
    )
    // 409: it has changed, and its new version is on the way to us. 404: it is gone.
    if (answer.status >= 400 && answer.status !== 409 && answer.status !== 404)
      log.warn({ object: path, status: answer.status }, 'status not written: may this Pilot patch it (RBAC)?')
  }

  const running = verdicts.subscribe((verdict) => {
    if (!verdict.resource.status) return
    if (verdict.gone) {
      latest.delete(verdict.path)
      due.delete(verdict.path)
      return
    }
    latest.set(verdict.path, verdict)
    due.add(verdict.path)
    if (leading) void write()
  })
  const electing = runElection({
    me: identity,
    store: leaseStore(request, namespace),
    clock,
    signal: stopping.signal,
    onChange(now) {
      leading = now
      log.info(
        { lease: `${namespace}/${LEASE}`, identity },
        now ? 'writes status' : 'no longer writes status',
      )
      if (!now) return
      for (const path of latest.keys()) due.add(path)
      void write()
    },
    onError: (error) => log.warn({ lease: `${namespace}/${LEASE}`, error: String(error) }, 'election failed'),
  })
  return new Subscription(() => {
    running.unsubscribe()
    stopping.abort()
    void electing.finally(() => held.release())
  })
}

interface LeaseObject {
  readonly metadata?: { readonly resourceVersion?: string }
  readonly spec?: LeaseSpec
}

function leaseStore(request: ApiRequest, namespace: string): LeaseStore {
  const list = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`
  const refused = (status: number) => new Error(`the API server answered ${status} for ${list}/${LEASE}`)
  return {
    async read() {
      const { status, body } = await request('GET', `${list}/${LEASE}`)
      if (status === 404) return undefined
      if (status !== 200) throw refused(status)
      const { metadata, spec } = body as LeaseObject
      return { resourceVersion: metadata?.resourceVersion ?? '', spec: spec ?? {} }
    },
    async write(spec, resourceVersion) {
      const lease = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: LEASE, namespace, ...(resourceVersion !== undefined && { resourceVersion }) },
        spec,
      }
      const answer =
        resourceVersion === undefined
          ? await request('POST', list, lease)
          : await request('PUT', `${list}/${LEASE}`, lease)
      if (answer.status === 409) return false
      if (answer.status >= 300) throw refused(answer.status)
      return true
    },
  }
}
