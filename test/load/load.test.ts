import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Subject } from 'rxjs'
import { observeLoad } from '#src/load/load.ts'
import { loadTable } from '#src/load/table.ts'
import { silentLogger } from '#support/logger.ts'
import type { LoadReport } from '#xds/server/index.ts'
import { port, service } from '../generate/fixtures.ts'
import { cluster, report, to } from './reports.ts'

const orders = 'outbound|80||orders.test'

function observed() {
  const reports = new Subject<LoadReport>()
  const latest: LoadReport[] = []
  const services = new Map([['orders.test', service('orders.test', [port(80, 'HTTP')])]])
  const load = observeLoad({
    loads: { reports, latest: () => latest },
    services: () => services,
    log: silentLogger,
  })
  return {
    load,
    say(...said: LoadReport[]) {
      for (const each of said) reports.next(each)
      latest.splice(0, latest.length, ...said)
    },
    forget: () => services.clear(),
  }
}

test('what clients report is added up by service port and zone: counts since the start, and rates now', () => {
  const { load, say } = observed()
  say(
    report('a', 'r/z1', { ...cluster(orders, to('r/z1', 20, { failed: 4 }), to('r/z2', 10)), dropped: 6 }),
    report('b', 'r/z1', cluster(orders, to('r/z1', 10, { inProgress: 3 }))),
    report('c', '', cluster(orders, to('', 2))),
  )
  const [total, ...others] = [...load.totals()]
  assert.deepEqual(others, [])
  assert.deepEqual(total, {
    service: 'orders.test',
    port: 80,
    from: new Map([
      [
        'r/z1',
        {
          dropped: 6,
          to: new Map([
            ['r/z1', { requests: 30, errors: 4, inProgress: 3 }],
            ['r/z2', { requests: 10, errors: 0, inProgress: 0 }],
          ]),
        },
      ],
      ['', { dropped: 0, to: new Map([['', { requests: 2, errors: 0, inProgress: 0 }]]) }],
    ]),
  })
  // Reports are of two seconds.
  const [rate] = [...load.current()]
  assert.deepEqual(rate?.from.get('r/z1')?.to.get('r/z1'), { requests: 15, errors: 2, inProgress: 3 })
  assert.equal(rate?.from.get('r/z1')?.dropped, 3)

  say(report('a', 'r/z1', cluster(orders, to('r/z1', 2))))
  assert.equal([...load.totals()][0]?.from.get('r/z1')?.to.get('r/z1')?.requests, 32)
  assert.equal([...load.current()][0]?.from.get('r/z1')?.to.get('r/z1')?.requests, 1)
  assert.equal(load.clients(), 1)
})

test('what the mesh does not have is not shown, whatever a client says', () => {
  const { load, say, forget } = observed()
  say(
    report(
      'a',
      'r/z1',
      cluster(orders, to('r/z1', 1)),
      cluster('outbound|81||orders.test', to('r/z1', 1)),
      cluster('outbound|80||no.test', to('r/z1', 1)),
      cluster('xds-grpc', to('', 1)),
      cluster('inbound|80||', to('', 1)),
    ),
  )
  for (const loads of [load.totals(), load.current()])
    assert.deepEqual(
      [...loads].map(({ service, port }) => `${service}:${port}`),
      ['orders.test:80'],
    )
  forget()
  assert.deepEqual([...load.totals()], [])
})

test('a table has an end: more names, or zones, than that are not kept', () => {
  const table = loadTable({ limit: 3 })
  for (let i = 0; i < 10; i++) table.add(cluster(`outbound|${i}||a.test`, to('r/z1', 1)), 'r/z1')
  assert.equal(table.ports.size, 3)
  assert.equal(table.add(cluster('outbound|0||a.test', to('r/z1', 1)), 'r/z2'), false)
  assert.equal(table.add(cluster('xds-grpc'), 'r/z2'), true)
  assert.deepEqual([...table.ports.get('outbound|0||a.test')!.from.keys()], ['r/z1'])
  table.delete('outbound|1||a.test')
  for (let i = 0; i < 500; i++) table.add(cluster('outbound|0||a.test', to(`r/z${i}`, 1)), 'r/z2')
  const { to: zones } = table.ports.get('outbound|0||a.test')!.from.get('r/z2')!
  assert.equal(zones.size, 101)
  assert.equal(
    [...zones.values()].reduce((sum, { requests }) => sum + requests, 0),
    500,
  )
})
