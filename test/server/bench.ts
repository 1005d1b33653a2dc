/**
 * Not a test: what a change costs with many streams. `node test/server/bench.ts [streams] [resources] [sotw|delta]`
 * starts clients in the same process, so times are of both sides together.
 */
import { makeResource } from '#xds/make-resource.ts'
import { anyBytes, StringValueSchema } from '#xds/proto/index.ts'
import type { Resource } from '#xds/resources.ts'
import { createMemorySource } from '#xds/server/memory.ts'
import { createXdsServer } from '#xds/server/server.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { connect, openDelta, openSotw } from './client.ts'

const [streamCount, resourceCount, protocol] = [
  Number(process.argv[2] ?? 200),
  Number(process.argv[3] ?? 500),
  process.argv[4] ?? 'delta',
]
const resource = (i: number, value: string): Resource =>
  makeResource(
    typeUrls.endpoint,
    `outbound|80||service-${i}.default.svc.cluster.local`,
    anyBytes(StringValueSchema, { value: value.padEnd(1000, 'x') }),
  )

const source = createMemorySource()
source.set(
  '*',
  Array.from({ length: resourceCount }, (_, i) => resource(i, '0')),
)
let pushes = 0
let bytes = 0
const server = createXdsServer({
  source,
  observer: {
    onPush: (_, __, ___, size) => {
      pushes++
      bytes += size
    },
  },
})
const { port } = await server.listen('127.0.0.1:0')
const names = Array.from({ length: resourceCount }, (_, i) => resource(i, '').name)

const mb = (n: number): string => (n / 1e6).toFixed(1)
const clients = Array.from({ length: streamCount }, () =>
  connect(port, { 'grpc-node.flow_control_window': 4 << 20, 'grpc.max_receive_message_length': -1 }),
)
const before = process.memoryUsage()
let started = performance.now()
let cpu = process.cpuUsage()
const streams = await Promise.all(
  clients.map(async (client, i) => {
    const node = { id: `n${i}` }
    const typeUrl = typeUrls.endpoint
    if (protocol === 'sotw') {
      const stream = openSotw(client)
      stream.send({ node, typeUrl, resourceNames: names })
      const ack = (r: { nonce: string; versionInfo: string }): void =>
        stream.send({ typeUrl, resourceNames: names, responseNonce: r.nonce, versionInfo: r.versionInfo })
      ack(await stream.next(60_000))
      return async () => ack(await stream.next(60_000))
    }
    const stream = openDelta(client)
    stream.send({ node, typeUrl, resourceNamesSubscribe: names })
    const ack = (r: { nonce: string }): void => stream.send({ typeUrl, responseNonce: r.nonce })
    ack(await stream.next(60_000))
    return async () => ack(await stream.next(60_000))
  }),
)
const report = (what: string, per = 1): void => {
  const used = process.cpuUsage(cpu)
  console.log(
    `${what}: ${((performance.now() - started) / per).toFixed(1)} ms, CPU ${((used.user + used.system) / 1000 / per).toFixed(1)} ms, ${pushes / per} pushes, ${mb(bytes / per)} MB`,
  )
}
report('sync')
globalThis.gc?.()
console.log(
  `heap +${mb(process.memoryUsage().heapUsed - before.heapUsed)} MB, RSS ${mb(process.memoryUsage().rss)} MB`,
)
const rounds = 10
pushes = 0
bytes = 0
started = performance.now()
cpu = process.cpuUsage()
for (let round = 1; round <= rounds; round++) {
  source.update('*', resource(round % resourceCount, String(round)))
  await Promise.all(streams.map((next) => next()))
}
report('change', rounds)
for (const client of clients) client.close()
await server.close()
