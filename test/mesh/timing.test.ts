import assert from 'node:assert/strict'
import { test } from 'node:test'
import { initialState, type MergeState, reduce } from '../../src/mesh/merge.ts'
import { defaultMeshOptions } from '../../src/mesh/precedence.ts'
import type { MergeEvent } from '../../src/mesh/said.ts'
import { delta, full, service, workload } from './fakes.ts'
import { spent } from './setup.ts'

const SERVICES = 10_000
const CHANGES = 200
const at = new Date(0)
const event = (update: MergeEvent['update']): MergeEvent =>
  ({ role: 'registry', source: 'a', at, update }) as MergeEvent
const start = initialState([{ name: 'a', kind: 'fake', role: 'registry' }], defaultMeshOptions)
const host = (i: number): string => `svc-${i}.default.svc.cluster.local`
const addresses = (i: number, last: number): string[] =>
  Array.from({ length: 10 }, (_, j) => `10.${i >> 8}.${i & 255}.${j === 9 ? last : j}`)

/** Milliseconds for one change, the best of a few rounds: what is compiled or collected meanwhile only ever adds. */
const eachChange = (state: MergeState, update: (n: number) => MergeEvent['update']): number => {
  const rounds = [0, 1, 2, 3].map((round) => {
    let next = state
    const updates = Array.from({ length: CHANGES }, (_, n) => event(update(round * CHANGES + n)))
    const begin = spent()
    for (const one of updates) next = reduce(next, one).state
    return (spent() - begin) / CHANGES
  })
  return Math.min(...rounds)
}

test('in a mesh of 10,000 services of 10 endpoints, one endpoint’s change takes well below a millisecond', () => {
  const services = Array.from({ length: SERVICES }, (_, i) => service(host(i), 'a', addresses(i, 9)))
  const { state } = reduce(start, event(full(services)))
  const time = eachChange(state, (n) => {
    const i = (n * 7_919) % SERVICES
    return delta({ changed: [service(host(i), 'a', addresses(i, 20 + (n % 200)))] })
  })
  assert.ok(time < 0.7, `${time.toFixed(3)} ms`)
})

test('so does one workload’s, where services select them', () => {
  const labels = (i: number) => ({ app: `svc-${i}`, version: 'v1' })
  const services = Array.from({ length: SERVICES }, (_, i) =>
    service(host(i), 'a', [], { selector: { app: `svc-${i}` } }),
  )
  const workloads = Array.from({ length: SERVICES * 2 }, (_, i) =>
    workload(`10.${i >> 8}.${i & 255}.1`, { labels: labels(i >> 1) }),
  )
  const { state } = reduce(start, event(full(services, workloads)))
  assert.equal(state.snapshot.services.get(host(77))!.endpoints.length, 2)
  const time = eachChange(state, (n) => {
    const { address } = workloads[n]!
    return delta({ changedWorkloads: [workload(address, { labels: labels(n >> 1), weight: 2 + n })] })
  })
  assert.ok(time < 0.7, `${time.toFixed(3)} ms`)
})
