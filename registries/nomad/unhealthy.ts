/**
 * Allocations that their deployment found unhealthy: no list can be filtered by it (Nomad 1.11.2 answers 400 or cuts the
 * connection off where one of them has no deployment), so the deployments are asked which of them have any.
 */
import type { NomadClient } from './api.ts'
import { type Allocation, parseAllocations, parseUnhealthyDeployments } from './wire.ts'

/** Newest first; older ones' allocations are replaced by now, or few. */
const MOST = 50

/** Of a namespace, or of `*`. What can't be read is as good as not known. */
export async function readUnhealthy(
  client: NomadClient,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly Allocation[]> {
  const answer = await client.get({ path: '/v1/deployments', query: { namespace, reverse: 'true' }, signal })
  const unhealthy: Allocation[] = []
  for (const deployment of answer.ok ? parseUnhealthyDeployments(answer.body).slice(0, MOST) : []) {
    const path = `/v1/deployment/allocations/${encodeURIComponent(deployment.id)}`
    const listed = await client.get({ path, query: { namespace: deployment.namespace }, signal })
    const found = listed.ok ? (parseAllocations(listed.body)?.values ?? []) : []
    unhealthy.push(...found.filter(({ client, healthy }) => client === 'running' && healthy === false))
  }
  return unhealthy
}
