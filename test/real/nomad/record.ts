/** Records answers of a real Nomad into test/wire: `node test/real/nomad/record.ts`. Volatile values are replaced. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createNomadClient } from '#registries/nomad/client.ts'
import { until } from '../../support/cleanup.ts'
import { startNomad } from '../../testbed/index.ts'
import { allocationOf, httpCheck, sleeper, submit } from './jobs.ts'

const nomad = await startNomad()
const ending = new AbortController()
try {
  const { ServerName: _, Members } = await nomad.api('GET', '/v1/agent/members')
  const folder = fileURLToPath(new URL(`../../wire/nomad-${Members[0].Tags.build}/`, import.meta.url))
  mkdirSync(folder, { recursive: true })
  const lines: string[] = []
  const client = createNomadClient({ address: nomad.url, tls: { skipVerify: false } })
  const query = { namespace: '*', topic: ['Service', 'Allocation', 'Node'] }
  void client.stream(query, (line) => lines.push(line), ending.signal)
  await until('the stream has begun', () => lines.length > 0)
  const web = (path: string) =>
    sleeper(
      'web',
      [{ name: 'web', port: 'http', tags: ['version=v1', 'blue'], checks: [{ ...httpCheck, Path: path }] }],
      {
        ports: ['http'],
        command: ['/bin/sh', '-c', 'exec /usr/bin/python3 -m http.server --bind 127.0.0.1 $NOMAD_PORT_http'],
      },
    )
  await nomad.runJob(web('/'))
  await nomad.api('POST', '/v1/namespace/shop', { Name: 'shop' })
  const cart = (...tags: string[]) =>
    sleeper('cart', [{ name: 'cart', address: 'cart.example.com', port: '8443', tags }], {
      namespace: 'shop',
    })
  await nomad.runJob(cart('protocol=tcp', 'port=443', 'weight=7'))
  await submit(nomad, cart('protocol=https', 'port=443', 'weight=7'))
  const id = await allocationOf(nomad, 'web')
  const checks = `/v1/client/allocation/${id}/checks`
  const status = async () =>
    Object.values(await nomad.api('GET', checks)).map((c) => (c as { Status: string }).Status)
  await until('the check passes', async () => (await status())[0] === 'success')
  const names = new Map<string, string>()
  const stable = (text: string) =>
    text
      .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, (uuid) => {
        const known = names.get(uuid) ?? `00000000-0000-0000-0000-${String(names.size + 1).padStart(12, '0')}`
        names.set(uuid, known)
        return known
      })
      .replaceAll(`nomad-${nomad.port}`, 'nomad-1')
      .replaceAll(/"20\d\d-\d\d-\d\dT[^"]*Z"/g, '"2026-11-22T00:00:00Z"')
      .replaceAll(/"(CreateTime|ModifyTime|SubmitTime|StatusUpdatedAt|Timestamp)":\d+/g, '"$1":1')
      .replaceAll(/("Attributes"|"HostVolumes"|"Drivers"):\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}/g, '$1:{}')
  const save = (name: string, text: string) => writeFileSync(join(folder, name), `${stable(text)}\n`)
  const record = async (name: string, path: string) =>
    save(name, JSON.stringify(await nomad.api('GET', path)))
  await record('services.json', '/v1/services?namespace=*')
  await record('service-web.json', '/v1/service/web')
  await record('service-cart.json', '/v1/service/cart?namespace=shop')
  await record('service-any.json', '/v1/service/web?namespace=*')
  await record('allocations.json', '/v1/allocations?namespace=*&resources=false&task_states=false')
  await record('nodes.json', '/v1/nodes')
  await record('job-web.json', '/v1/job/web')
  await record('job-cart.json', '/v1/job/cart?namespace=shop')
  await record('checks-success.json', checks)
  await submit(nomad, web('/missing'))
  await until('the check fails', async () => (await status()).at(-1) === 'failure')
  await record('checks-failure.json', checks)
  const [{ ID: node }] = await nomad.api('GET', '/v1/nodes')
  await nomad.api('POST', `/v1/node/${node}/drain`, { NodeID: node, DrainSpec: { Deadline: -1 } })
  await until('the node has drained', () => lines.some((line) => line.includes('ServiceDeregistration')))
  await record('nodes-drained.json', '/v1/nodes')
  save('events.jsonl', lines.join('\n'))
} finally {
  ending.abort()
  await nomad.stop()
}
