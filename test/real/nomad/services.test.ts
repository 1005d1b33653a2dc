/** A real Nomad, asked directly: what changes are heard of, how fast, and what it costs at rest. */
import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { after, before, suite, test } from 'node:test'
import { until } from '../../support/cleanup.ts'
import { type NomadServer, startNomad } from '../../testbed/index.ts'
import { allocationOf, httpCheck, sleeper, submit } from './jobs.ts'
import { type Watched, watch } from './watch.ts'

let nomad: NomadServer
before(async () => {
  nomad = await startNomad()
  await nomad.runJob(sleeper('shared', [{ name: 'orders', address: '10.0.0.1' }]))
})
after(() => nomad?.stop())

const follow = (t: Parameters<typeof watch>[0], fields: object = {}) =>
  watch(t, { address: nomad.url, ...fields })
const orders = (...addresses: string[]) =>
  sleeper(
    'shared',
    addresses.map((address, i) => ({ name: 'orders', address, port: String(8080 + i) })),
  )
const synced = (w: Watched) => w.until('synced', () => w.service('orders'))

suite('Nomad as it is', () => {
  test('a service has its ports, tags as labels, weight, protocol, locality, job and origin', async (t) => {
    const w = follow(t)
    await submit(
      nomad,
      sleeper('shared', [
        {
          name: 'orders',
          address: '10.0.0.1',
          tags: ['version=v1', 'blue', 'weight=5', 'protocol=grpc', 'port=80'],
        },
      ]),
    )
    await w.until('grpc', () => w.service('orders')?.ports[0]?.protocol === 'GRPC')
    const service = w.service('orders')!
    assert.equal(service.hostname, 'orders.default.nomad')
    assert.deepEqual(service.ports, [{ name: 'grpc', port: 80, protocol: 'GRPC' }])
    const [endpoint] = service.endpoints
    assert.deepEqual(endpoint!.ports, { grpc: 8080 })
    assert.equal(endpoint!.weight, 5)
    assert.deepEqual(endpoint!.locality, { region: 'global', zone: 'dc1', subzone: '' })
    assert.equal(endpoint!.labels.version, 'v1')
    assert.equal(endpoint!.labels.blue, 'true')
    assert.equal(endpoint!.labels['nomad.job'], 'shared')
    assert.equal(endpoint!.workload, await allocationOf(nomad, 'shared'))
    assert.equal(endpoint!.health, 'HEALTHY')
    assert.match(endpoint!.origin.object, /^Service\/default\/orders\/[0-9a-f]{8}@nomad-\d+$/)
  })

  test('a change is told within a second', async (t) => {
    await submit(nomad, orders('10.0.0.1'))
    const w = follow(t)
    await synced(w)
    await w.until('the stream has begun and the list was asked for again', () => settled(w))
    for (const next of [['10.0.0.1', '10.0.0.2'], ['10.0.0.1'], ['10.0.0.3']]) {
      await submit(nomad, orders(...next))
      const listedAt = performance.now()
      await w.until(`${next}`, () => w.addresses('orders') === next.join(' '), 1000)
      assert.ok(w.heardAt() - listedAt < 1000)
    }
    assert.equal(w.updates.filter((u) => u.kind === 'full').length, 1)
  })

  test('at rest it costs one event stream and one question that waits', async (t) => {
    await submit(nomad, orders('10.0.0.1', '10.0.0.2'))
    const w = follow(t)
    await synced(w)
    await w.until('settled', () => settled(w))
    const before = w.asked().length
    assert.equal(w.open(), 3, 'the client, the stream, the question')
    await new Promise((resolve) => setTimeout(resolve, 3000))
    assert.deepEqual(w.asked().slice(before), [])
  })

  test('a job in a namespace of its own; the namespaces of the settings are the ones that are read', async (t) => {
    await nomad.api('POST', '/v1/namespace/shop', { Name: 'shop' })
    await nomad.runJob(sleeper('cart', [{ name: 'cart', address: '10.0.7.1' }], { namespace: 'shop' }))
    t.after(() => stop('cart', 'shop'))
    const every = follow(t)
    const shop = follow(t, { namespaces: ['shop'] })
    const plain = follow(t, { namespaces: ['default'] })
    const both = follow(t, { namespaces: ['default', 'shop'], namespace: 'one' })
    await every.until('both', () => every.service('cart.shop') && every.service('orders'))
    await shop.until('cart', () => shop.service('cart.shop'))
    await plain.until('orders', () => plain.service('orders'))
    await both.until('both', () => both.services.size === 2)
    assert.equal(shop.service('orders'), undefined)
    assert.equal(plain.service('cart.shop'), undefined)
    assert.deepEqual([...both.services.keys()].sort(), ['one/cart.shop.nomad', 'one/orders.default.nomad'])
    // Namespaces that are made later are read, though the stream does not have them.
    await nomad.api('POST', '/v1/namespace/late', { Name: 'late' })
    await nomad.runJob(sleeper('late', [{ name: 'late', address: '10.0.8.1' }], { namespace: 'late' }))
    t.after(() => stop('late', 'late'))
    await every.until('the late one', () => every.service('late.late'), 5000)
  })

  test('checks: an allocation whose check fails is unhealthy, and healthy again when it passes', async (t) => {
    const w = follow(t, { checkInterval: '1s' })
    const check = { ...httpCheck, Path: '/ok' }
    // Serves its allocation's directory, in which there is a file `ok` or none.
    const web = sleeper('checked', [{ name: 'checked', port: 'http', checks: [check] }], {
      ports: ['http'],
      command: [
        '/bin/sh',
        '-c',
        'cd $NOMAD_TASK_DIR && exec /usr/bin/python3 -m http.server --bind 127.0.0.1 $NOMAD_PORT_http',
      ],
    })
    await nomad.api('POST', '/v1/jobs', { Job: web })
    t.after(() => stop('checked'))
    await w.until('unhealthy: there is no file', () => w.health('checked') === 'UNHEALTHY')
    const id = w.service('checked')!.endpoints[0]!.workload
    await exec(id, 'touch')
    await w.until('healthy', () => w.health('checked') === 'HEALTHY')
    await exec(id, 'rm')
    await w.until('unhealthy again', () => w.health('checked') === 'UNHEALTHY')
    const endpoint = w.service('checked')!.endpoints[0]!
    assert.equal(endpoint.address, '127.0.0.1')
    assert.ok(endpoint.ports.default! >= 30_000)
  })

  test('an allocation that its deployment found unhealthy is so, also for who comes later', async (t) => {
    // A job without deployments beside it: Nomad can't filter by what one of them has not.
    const batch = { ...sleeper('batch', []), Type: 'batch' }
    const {
      Update: _,
      ReschedulePolicy: __,
      RestartPolicy: ___,
      Services: ____,
      ...group
    } = batch.TaskGroups[0]
    await nomad.runJob({ ...batch, TaskGroups: [group] })
    t.after(() => stop('batch'))
    const w = follow(t, { checks: false })
    await w.until('settled', () => settled(w))
    const ill = sleeper('ill', [{ name: 'ill', port: 'http', checks: [httpCheck] }], { ports: ['http'] })
    const update = { MinHealthyTime: 1e8, HealthyDeadline: 1.5e9, ProgressDeadline: 60e9 }
    await nomad.api('POST', '/v1/jobs', {
      Job: { ...ill, TaskGroups: [{ ...ill.TaskGroups[0], Update: update }] },
    })
    t.after(() => stop('ill'))
    await w.until('it runs', () => w.health('ill') === 'HEALTHY')
    await w.until('found unhealthy', () => w.health('ill') === 'UNHEALTHY')
    const later = follow(t, { checks: false })
    await later.until('unhealthy from the start', () => later.health('ill') === 'UNHEALTHY')
    assert.deepEqual(later.warnings, [])
  })

  test('a job that is stopped drains while it waits, and its registrations are gone at once', async (t) => {
    const w = follow(t)
    await nomad.runJob(sleeper('brief', [{ name: 'brief', address: '10.0.5.1' }], { shutdownDelay: 2 }))
    await w.until('brief', () => w.health('brief') === 'HEALTHY')
    const stopped = performance.now()
    await nomad.api('DELETE', '/v1/job/brief?purge=false')
    await w.until('gone', () => !w.service('brief'), 2000)
    assert.ok(w.heardAt() - stopped < 1500, `${w.heardAt() - stopped} ms`)
    await stop('brief')
  })

  test('a node that is drained: its registrations are gone, and come back with it', async (t) => {
    await submit(nomad, orders('10.0.0.1', '10.0.0.2'))
    const w = follow(t)
    await synced(w)
    await w.until('healthy', () => w.health('orders') === 'HEALTHY HEALTHY')
    const [node] = await nomad.api('GET', '/v1/nodes')
    await nomad.api('POST', `/v1/node/${node.ID}/eligibility`, { NodeID: node.ID, Eligibility: 'ineligible' })
    t.after(() =>
      nomad.api('POST', `/v1/node/${node.ID}/drain`, {
        NodeID: node.ID,
        DrainSpec: null,
        MarkEligible: true,
      }),
    )
    await nomad.api('POST', `/v1/node/${node.ID}/drain`, {
      NodeID: node.ID,
      DrainSpec: { Deadline: -1, IgnoreSystemJobs: false },
    })
    await w.until('gone', () => !w.service('orders'))
    await nomad.api('POST', `/v1/node/${node.ID}/drain`, {
      NodeID: node.ID,
      DrainSpec: null,
      MarkEligible: true,
    })
    await w.until('back', () => w.service('orders'))
  })
})

/** The stream has begun, and what it is compared with has been read. */
const settled = (w: Watched): boolean => w.asked().includes('/v1/event/stream') && w.open() === 3

const stop = (id: string, namespace = 'default') =>
  nomad.api('DELETE', `/v1/job/${id}?purge=true&namespace=${namespace}`)

/** Makes or removes the file `ok` in the task's own directory, when it runs. */
async function exec(allocation: string, what: 'touch' | 'rm'): Promise<void> {
  const directory = await until('the task runs', () =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(workingDirectory)
      .find((path) => path.includes(`/${allocation}/`)),
  )
  const file = `${directory}/ok`
  await (what === 'touch' ? writeFile(file, 'ok') : rm(file))
}

function workingDirectory(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return ''
  }
}
