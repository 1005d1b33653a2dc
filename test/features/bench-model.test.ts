import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Fleet, fit, fitModel, type Measured, predict, subscribers } from '../bench/model.ts'

const fleet = (services: number, proxies: number, scope = services): Fleet => ({
  services,
  endpoints: 10,
  proxies,
  scope,
})
const costs = (of: Fleet): Measured => ({
  fleet: of,
  syncCpu: 0.1 + 0.000002 * of.proxies * of.scope + 0.0005 * of.proxies,
  rss: 120 + 0.01 * of.services * of.endpoints + 0.1 * of.proxies,
  changeCpu: 0.005 + 0.0001 * subscribers(of),
})

test('parts are found again, and a fleet that was not measured is told', () => {
  const model = fitModel([fleet(100, 100), fleet(500, 200), fleet(200, 400), fleet(1000, 50)].map(costs))
  const large = fleet(10_000, 100_000, 50)
  for (const figure of ['syncCpu', 'rss', 'changeCpu'] as const) {
    const expected = costs(large)[figure]
    assert.ok(Math.abs(predict(model, figure, large) - expected) < 1e-6 * expected, figure)
  }
})

test('nothing costs less than nothing', () => {
  assert.deepEqual(
    fit(
      [
        [1, 10],
        [1, 20],
      ],
      [5, 4],
    ).map((part) => part >= 0),
    [true, true],
  )
})
