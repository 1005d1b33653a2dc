/** A table of scenes, each played in all four variants of the protocol or in those it is about. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Resource, TypeUrl } from '#xds/resources.ts'
import { createMemorySource, type MemorySource } from '#xds/server/memory.ts'
import { createClient, type TestClient, variantName, variants } from './xds-client.ts'

export interface Said {
  readonly sotw: readonly string[]
  readonly delta: readonly string[]
}

export interface Scene {
  readonly client: TestClient
  readonly source: MemorySource
  /** That these messages were sent since the last time it was asked, the same in all variants or by protocol. */
  said(...messages: string[]): void
  saidEither(messages: Said): void
}

export interface Scenario {
  readonly name: string
  readonly only?: 'sotw' | 'delta' | 'aggregated'
  readonly missing?: (typeUrl: TypeUrl, name: string) => Resource | undefined
  play(scene: Scene): void
}

export function playScenarios(scenarios: readonly Scenario[]): void {
  for (const variant of variants) {
    describe(variantName(variant), () => {
      for (const scenario of scenarios) {
        if (
          scenario.only === 'aggregated'
            ? !variant.aggregated
            : scenario.only && scenario.only !== variant.protocol
        ) {
          continue
        }
        test(scenario.name, () => {
          const source = createMemorySource({ missing: scenario.missing })
          const client = createClient(variant, source)
          const said = (...messages: string[]): void => {
            assert.deepEqual(client.log.splice(0), messages)
          }
          const saidEither = (messages: Said): void => said(...messages[variant.protocol])
          scenario.play({ client, source, said, saidEither })
          assert.deepEqual(client.failures, [])
          client.close()
        })
      }
    })
  }
}
