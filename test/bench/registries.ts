/**
 * `npm run bench:registries`: real registries, a real Envoy, a Pilot as its own process.
 *   --registries consul,nomad,kubernetes,eureka   --changes 100   --size 5000x10   --skip effect,size   --json FILE
 * Effect: from the registration call's return to the first request answered by the new endpoint, and from the
 * deregistration call's return to the last one. Size: what a large catalogue costs at the start, at rest and under change.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type EffectRow, measureEffect } from './registries/effect.ts'
import { measureSize, type SizeRow } from './registries/size.ts'
import { table } from './registries/table.ts'

const { values } = parseArgs({
  options: {
    registries: { type: 'string', default: 'consul,nomad,kubernetes,eureka' },
    changes: { type: 'string', default: '100' },
    size: { type: 'string', default: '5000x10' },
    skip: { type: 'string', default: '' },
    json: { type: 'string' },
  },
})
const kinds = values.registries.split(',')
const skip = values.skip.split(',')
const [services, instances] = values.size.split('x').map(Number) as [number, number]

const effect: EffectRow[] = []
const size: SizeRow[] = []
if (!skip.includes('effect'))
  for (const kind of kinds) {
    // Eureka's own protocol is polling: a second for each change, so fewer of them.
    const changes = Math.max(1, Math.round(Number(values.changes) / (kind === 'eureka' ? 5 : 1)))
    const row = await measureEffect(kind, changes)
    effect.push(row)
    console.log(table([row]))
  }
if (!skip.includes('size'))
  for (const kind of kinds.filter((each) => each === 'consul' || each === 'kubernetes')) {
    const row = await measureSize(kind, { services, instances })
    size.push(row)
    console.log(table([row]))
  }
if (values.json) writeFileSync(values.json, JSON.stringify({ effect, size }, undefined, 2))
