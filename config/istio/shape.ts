/** Fields that Istio does not know, or that this version does not serve: the schemas let both pass in silence. */
import { suggestion } from '../suggest.ts'
import type { Path } from '../yaml.ts'
import type { Report, Shape } from './kind.ts'

export function checkShape(value: unknown, shape: Shape, path: Path, report: Report): void {
  if (value === null || value === undefined) return
  if (shape === 'ignored') {
    report('PH1014', path, `${path.at(-1)} has no effect in this version`, { key: true })
    return
  }
  if (typeof shape === 'string') return
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) checkShape(item, shape, [...path, i], report)
    return
  }
  if (typeof value !== 'object') return
  for (const [field, child] of Object.entries(value)) {
    const known = Object.hasOwn(shape, field) ? shape[field] : undefined
    if (known !== undefined) {
      checkShape(child, known, [...path, field], report)
      continue
    }
    const hint = suggestion(field, Object.keys(shape))
    const where = path.length ? String(path.findLast((s) => typeof s === 'string')) : 'the object'
    report('PH1003', [...path, field], `${where} has no field "${field}"`, { key: true, params: { hint } })
  }
}
