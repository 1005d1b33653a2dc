/** An xDS server on resources of a test's own, without a mesh. */
import { resource } from '#xds/make-resource.ts'
import type { DescMessage, JsonObject } from '#xds/proto/index.ts'
import { fromJson } from '#xds/proto/json.ts'
import type { Resource } from '#xds/resources.ts'
import {
  createMemorySource,
  createXdsServer,
  type MemoryOptions,
  type MemorySource,
} from '#xds/server/index.ts'
import { shortName } from '#xds/type-urls.ts'
import type { Cleanup } from './cleanup.ts'

/** A resource from protobuf's JSON, as the documents of Envoy have it. */
export const jsonResource = (
  schema: DescMessage,
  name: string,
  json: object,
  children: readonly string[] = [],
): Resource => resource(schema, name, fromJson(schema, json as JsonObject), children)

export interface Served {
  readonly source: MemorySource
  /** What was pushed: `eds: a b`. */
  readonly pushes: string[]
  /** What was accepted: `eds`. */
  readonly acks: string[]
  /** What was refused: `eds: message`. */
  readonly nacks: string[]
  close(): Promise<void>
}

export async function serve(
  house: Cleanup,
  port: number,
  resources: readonly Resource[],
  options: MemoryOptions = {},
): Promise<Served> {
  const source = createMemorySource(options)
  source.update('*', ...resources)
  const [pushes, acks, nacks]: [string[], string[], string[]] = [[], [], []]
  const observer = {
    onPush: (_: unknown, typeUrl: string, pushed: readonly Resource[]) =>
      void pushes.push([`${shortName(typeUrl)}:`, ...pushed.map(({ name }) => name).sort()].join(' ')),
    onAck: (_: unknown, typeUrl: string) => void acks.push(shortName(typeUrl)),
    onNack: (_: unknown, typeUrl: string, message: string) =>
      void nacks.push(`${shortName(typeUrl)}: ${message}`),
  }
  const server = house.add(createXdsServer({ source, observer }), (each) => each.close())
  await server.listen(`127.0.0.1:${port}`)
  return { source, pushes, acks, nacks, close: () => server.close() }
}
