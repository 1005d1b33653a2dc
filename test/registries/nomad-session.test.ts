/** The adapter in virtual time, against a Nomad in memory. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { status } from './nomad-fake.ts'
import { A, B, start } from './nomad-start.ts'

suite('Nomad: what is read', () => {
  test('with the stream, only the services that it names are read again', async (t) => {
    const s = await start(t, {}, (nomad) => nomad.register([A, B]))
    await s.pass(3000)
    const before = { a: s.asked(/service\/a$/), b: s.asked(/service\/b$/) }
    s.nomad.register([{ ...A, address: '10.0.0.2' }, B])
    await s.pass(3000)
    assert.deepEqual(s.addresses('a'), ['10.0.0.2'])
    assert.equal(s.asked(/service\/a$/), before.a + 1)
    assert.equal(s.asked(/service\/b$/), before.b)
  })

  test('a change that the stream does not name is found by the list after its grace', async (t) => {
    const s = await start(t, {}, (nomad) => nomad.register([A, B]))
    await s.pass(3000)
    s.nomad.silently(() => s.nomad.register([{ ...A, address: '10.0.0.3' }, B]))
    await s.pass(5)
    assert.deepEqual(s.addresses('a'), ['10.0.0.1'])
    await s.pass(300)
    assert.deepEqual(s.addresses('a'), ['10.0.0.3'])
  })

  test('what changes while the stream is away, and a change after it is back, are both found', async (t) => {
    const s = await start(t, {}, (nomad) => nomad.register([A, B]))
    await s.pass(3000)
    s.nomad.streamable(false)
    s.nomad.register([{ ...A, address: '10.0.0.4' }, B])
    s.nomad.streamable(true)
    await s.pass(5000)
    assert.equal(s.nomad.streams(), 1)
    s.nomad.register([
      { ...A, address: '10.0.0.4' },
      { ...B, address: '10.0.1.4' },
    ])
    await s.pass(1000)
    assert.deepEqual([s.addresses('a'), s.addresses('b')], [['10.0.0.4'], ['10.0.1.4']])
  })

  test('nothing is asked for at rest, for an hour, with the stream', async (t) => {
    const s = await start(t, {}, (nomad) => nomad.register([A, B]))
    await s.pass(3000)
    const before = s.nomad.asked.length
    await s.pass(60_000)
    assert.equal(s.nomad.asked.length, before)
  })

  test('a burst is told in few words, and costs few questions', async (t) => {
    const s = await start(t, {}, (nomad) => nomad.register([A, B]))
    await s.pass(3000)
    const lists = s.asked(/services$/)
    const words = s.updates.length
    for (let i = 1; i <= 100; i++) s.nomad.register([{ ...A, address: `10.0.0.${i}` }, B])
    await s.pass(1000)
    assert.deepEqual(s.addresses('a'), ['10.0.0.100'])
    assert.ok(s.updates.length - words <= 3, `${s.updates.length - words} words`)
    assert.ok(s.asked(/services$/) - lists <= 5, `${s.asked(/services$/) - lists} lists`)
  })

  test('unsubscribing leaves no timer and no question', async (t) => {
    const s = await start(t, {}, (nomad) => nomad.register([A]))
    s.stop()
    await s.rest()
    assert.equal(s.pending(), 0)
    assert.equal(s.nomad.open(), 0)
  })
})

suite('Nomad: what is not believed', () => {
  test('a new history of two namespaces is one new full, whoever of them hears it first', async (t) => {
    const s = await start(t, { namespaces: ['default', 'shop'] }, (nomad) =>
      nomad.register([A, { ...B, namespace: 'shop' }]),
    )
    await s.pass(3000)
    s.nomad.fault(s.nomad.unreachable)
    await s.pass(100)
    s.nomad.reset(500)
    s.nomad.fault(undefined)
    s.nomad.register([A])
    await s.pass(20_000)
    assert.deepEqual(
      s.updates.map(({ kind }) => kind).filter((kind) => kind !== 'trouble'),
      ['full', 'full'],
    )
    assert.deepEqual([...s.services.keys()], ['default/a.default.nomad'])
  })

  test('an empty list without an index is a token without rights', async (t) => {
    const s = await start(t, {}, (nomad) => {
      nomad.register([A])
      nomad.fault(({ path }) => (path === '/v1/services' ? { ok: true, index: 0, body: [] } : undefined))
    })
    assert.deepEqual(
      s.updates.map((u) => (u.kind === 'trouble' ? u.error.code : u.kind)),
      ['PH3002'],
    )
    s.nomad.fault(undefined)
    await s.pass(1000)
    assert.deepEqual(s.addresses('a'), ['10.0.0.1'])
  })

  test('a server that lost its data, whose index has already come as far: its nodes tell', async (t) => {
    const s = await start(t, {}, (nomad) => nomad.register([A, B]))
    await s.pass(3000)
    s.nomad.fault(s.nomad.unreachable)
    await s.pass(100)
    s.nomad.reset(500)
    s.nomad.fault(undefined)
    await s.pass(20_000)
    assert.deepEqual(
      s.updates.map(({ kind }) => kind),
      ['full', 'trouble', 'full'],
    )
    assert.equal(s.services.size, 0)
  })

  test('an answer from before the change that is known is asked for again', async (t) => {
    const s = await start(t, {}, (nomad) => nomad.register([A]))
    await s.pass(3000)
    let stale = 2
    s.nomad.fault(({ path }) =>
      path === '/v1/service/a' && stale-- > 0 ? { ok: true, index: 1, body: [] } : undefined,
    )
    await s.pass(3000)
    s.nomad.register([{ ...A, address: '10.0.0.9' }])
    await s.pass(5000)
    assert.deepEqual(s.addresses('a'), ['10.0.0.9'])
    assert.ok(s.updates.every((u) => u.kind !== 'delta' || u.removed.length === 0))
  })

  test('a registration that is not understood any more is not gone', async (t) => {
    const s = await start(t, {}, (nomad) => nomad.register([A, { ...A, address: '10.0.0.2' }]))
    await s.pass(3000)
    s.nomad.fault(({ path }) =>
      path === '/v1/service/a' ? { ok: true, index: 1000, body: [{ ID: 7 }] } : undefined,
    )
    s.nomad.register([{ ...A, address: '10.0.0.3' }])
    await s.pass(3000)
    assert.deepEqual(s.addresses('a'), ['10.0.0.1', '10.0.0.2'])
  })
})

suite('Nomad: allocations, nodes and checks', () => {
  test("a node's metadata is asked for where the locality wants it, once", async (t) => {
    const s = await start(t, { locality: { zone: 'meta.rack' } }, (nomad) => nomad.register([A]))
    await s.pass(3000)
    assert.deepEqual(
      [...s.services.values()].map(({ endpoints }) => endpoints[0]?.locality?.zone),
      ['rack-of-n1'],
    )
    assert.equal(s.asked(/node\/n1$/), 1)
  })

  test('an allocation starts, runs, is to be stopped', async (t) => {
    const s = await start(t, {}, (nomad) => nomad.register([{ ...A, alloc: 'x' }]))
    await s.pass(3000)
    for (const [state, health] of [
      [{ ClientStatus: 'pending' }, 'UNHEALTHY'],
      [{}, 'HEALTHY'],
      [{ ClientStatus: 'unknown' }, 'DEGRADED'],
      [{ DesiredStatus: 'stop' }, 'DRAINING'],
      [{}, 'HEALTHY'],
    ] as const) {
      s.nomad.allocation({ ID: 'x', ...state })
      await s.pass(10)
      assert.deepEqual(s.health('a'), [health])
    }
  })

  test('without the stream, allocations and nodes are followed by their lists', async (t) => {
    const s = await start(t, {}, (nomad) => {
      nomad.streamable(false)
      nomad.register([
        { ...A, alloc: 'x' },
        { ...A, address: '10.0.0.2', alloc: 'y', node: 'n2' },
      ])
    })
    s.nomad.allocation({ ID: 'x', ClientStatus: 'pending' })
    await s.pass(3000)
    assert.deepEqual(s.health('a'), ['UNHEALTHY', 'HEALTHY'])
    s.nomad.allocation({ ID: 'x' })
    await s.pass(3000)
    assert.deepEqual(s.health('a'), ['HEALTHY', 'HEALTHY'])
    s.nomad.node({ ID: 'n2', Drain: true })
    await s.pass(3000)
    assert.deepEqual(s.health('a'), ['HEALTHY', 'DRAINING'])
  })

  test('checks: the first word has them; they are asked at their interval; errors keep what was known', async (t) => {
    const s = await start(t, { checks: true, checkInterval: '5s' }, (nomad) => {
      nomad.register([
        { ...A, alloc: 'x' },
        { ...B, alloc: 'y' },
      ])
      nomad.job('a', 10_000)
      nomad.job('b', undefined)
      nomad.checks('x', { c: { Service: 'a', Status: 'failure' } })
    })
    assert.equal(s.updates[0]?.kind, 'full')
    assert.deepEqual([s.health('a'), s.health('b')], [['UNHEALTHY'], ['HEALTHY']])
    s.nomad.checks('x', { c: { Service: 'a', Status: 'success' } })
    await s.pass(9000)
    assert.deepEqual(s.health('a'), ['UNHEALTHY'])
    assert.equal(s.asked(/checks$/), 1, 'not before its interval, and not for the job without checks')
    await s.pass(2000)
    assert.deepEqual(s.health('a'), ['HEALTHY'])
    s.nomad.fault(({ path }) => (path.endsWith('/checks') ? status(500) : undefined))
    await s.pass(60_000)
    assert.deepEqual(s.health('a'), ['HEALTHY'])
    assert.ok(s.asked(/checks$/) <= 9)
  })

  test('checks: a new registration takes nothing before its checks have passed', async (t) => {
    const s = await start(t, { checks: true }, (nomad) => {
      nomad.register([{ ...A, alloc: 'x' }])
      nomad.job('a', 10_000)
      nomad.checks('x', { c: { Service: 'a', Status: 'success' } })
      nomad.checks('z', { c: { Service: 'a', Status: 'pending' } })
    })
    await s.pass(3000)
    const first = s.updates.length
    s.nomad.register([
      { ...A, alloc: 'x' },
      { ...A, address: '10.0.0.2', alloc: 'z' },
    ])
    await s.pass(500)
    assert.deepEqual(s.health('a'), ['HEALTHY', 'UNHEALTHY'])
    for (const update of s.updates.slice(first))
      if (update.kind === 'delta')
        assert.ok(update.changed.every(({ endpoints }) => endpoints[1]?.health !== 'HEALTHY'))
    s.nomad.checks('z', { c: { Service: 'a', Status: 'success' } })
    await s.pass(1200)
    assert.deepEqual(s.health('a'), ['HEALTHY', 'HEALTHY'], 'what is awaited is asked for each second')
  })

  test('a job that can not be read is asked for again, and the first word waits for it', async (t) => {
    const s = await start(t, { checks: true }, (nomad) => {
      nomad.register([{ ...A, alloc: 'x' }])
      nomad.job('a', 10_000)
      nomad.checks('x', { c: { Service: 'a', Status: 'failure' } })
      nomad.fault(({ path }) => (path.includes('/job/') ? status(500) : undefined))
    })
    await s.pass(1000)
    s.nomad.fault(undefined)
    await s.pass(60_000)
    assert.deepEqual(s.health('a'), ['UNHEALTHY'])
    assert.equal(s.asked(/job\/a$/), 4, 'after 250, 500, 1000 ms')
    assert.deepEqual(
      s.updates.map(({ kind }) => kind),
      ['full'],
    )
  })

  test('a job that can not be read for good keeps no service back, and what was known of its checks stays', async (t) => {
    const s = await start(t, { checks: true }, (nomad) => {
      nomad.register([
        { ...A, alloc: 'x' },
        { ...B, alloc: 'y' },
      ])
      for (const job of ['a', 'b']) nomad.job(job, 10_000)
      nomad.checks('x', { c: { Service: 'a', Status: 'failure' } })
      nomad.fault(({ path }) => (path.endsWith('/job/b') ? status(429) : undefined))
    })
    await s.pass(6000)
    assert.deepEqual([s.health('a'), s.health('b')], [['UNHEALTHY'], ['HEALTHY']])
    s.nomad.fault(({ path }) => (path.includes('/job/') ? status(429) : undefined))
    s.nomad.register([
      { ...A, alloc: 'x', tags: ['new'] },
      { ...B, alloc: 'y' },
    ])
    await s.pass(60_000)
    assert.deepEqual([s.health('a'), s.health('b')], [['UNHEALTHY'], ['HEALTHY']])
    assert.ok(s.asked(/job\/b$/) < 12, `${s.asked(/job\/b$/)} attempts`)
    s.stop()
    await s.rest()
    assert.equal(s.pending(), 0)
  })

  test('checks that may not be read: what was awaited is taken as it runs', async (t) => {
    const s = await start(t, { checks: true }, (nomad) => {
      nomad.register([{ ...A, alloc: 'x' }])
      nomad.fault(({ path }) =>
        path.endsWith('/checks') || path.includes('/job/') ? status(403) : undefined,
      )
      nomad.job('a', 1000)
    })
    await s.pass(6000)
    assert.deepEqual(s.health('a'), ['HEALTHY'])
    assert.equal(s.asked(/job\/a$/), 1, 'rights are seldom given while one waits')
  })
})
