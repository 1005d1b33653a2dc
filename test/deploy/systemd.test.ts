/** What the service manager is told, and what the journal gets, without either. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { loadSettings } from '#src/settings.ts'
import { readByJournal } from '#src/systemd/journal.ts'
import { reloading, systemdNotifier } from '#src/systemd/notify.ts'
import { statusLine } from '#src/systemd/status.ts'
import { silentLogger } from '#support/logger.ts'
import { createLogger } from '#telemetry/log.ts'

describe('the service manager', () => {
  const env = { NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: '2000000', WATCHDOG_PID: '7' }
  const notifier = (more: object = {}, pids = [7], fail = false) => {
    const said: string[] = []
    const warned: string[] = []
    const send = async (assignments: readonly string[]) => {
      if (fail) throw new Error('no such file')
      said.push(assignments.join(' '))
    }
    const log = { ...silentLogger, warn: (_: object, text: string) => void warned.push(text) }
    return { said, warned, manager: systemdNotifier({ env: { ...env, ...more }, pids, log, send }) }
  }

  test('is told one thing after the other', async () => {
    const { said, manager } = notifier()
    manager.notify('READY=1', 'STATUS=up')
    manager.notify('STOPPING=1')
    await manager.close()
    assert.deepEqual(said, ['READY=1 STATUS=up', 'STOPPING=1'])
    assert.match(reloading().join(' '), /^RELOADING=1 MONOTONIC_USEC=\d+$/)
  })

  test('is told nothing where there is none, and a failure is logged once', async () => {
    const none = notifier({ NOTIFY_SOCKET: '' })
    none.manager.notify('READY=1')
    none.manager.watch(() => true)
    await none.manager.close()
    assert.deepEqual(none.said, [])
    const { warned, manager } = notifier({}, [7], true)
    manager.notify('READY=1')
    manager.notify('STOPPING=1')
    await manager.close()
    assert.equal(warned.length, 1)
  })

  test('hears of the watchdog twice in its time, as long as all is alive', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const { said, manager } = notifier()
    let alive = true
    manager.watch(() => alive)
    t.mock.timers.tick(2_000)
    alive = false
    t.mock.timers.tick(10_000)
    await manager.close()
    assert.deepEqual(said, ['WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1'])
    for (const [more, pids] of [
      [{ WATCHDOG_USEC: undefined }, [7]],
      [{}, [8, 9]],
      [{ WATCHDOG_USEC: 'soon' }, [7]],
    ] as const) {
      const other = notifier(more, [...pids])
      other.manager.watch(() => true)
      await other.manager.close()
      assert.deepEqual(other.said, [])
    }
  })

  test('reads what is waited for, where xDS is served and what is stale, on one line', () => {
    const down = { source: 'consul/dc1', error: 'connect ECONNREFUSED\n127.0.0.1:8500' }
    assert.equal(
      statusLine({ ready: false, waitingFor: [down, { source: 'nomad' }], stale: [] }, undefined),
      'Waiting for consul/dc1 (connect ECONNREFUSED 127.0.0.1:8500), nomad',
    )
    assert.equal(statusLine({ ready: true, waitingFor: [], stale: [] }, undefined), 'Opening the xDS port')
    assert.equal(
      statusLine({ ready: true, waitingFor: [], stale: [] }, '127.0.0.1:15010'),
      'Serving xDS on 127.0.0.1:15010',
    )
    const many = Array.from({ length: 7 }, (_, i) => ({ source: `dns/${i}` }))
    assert.equal(
      statusLine({ ready: true, waitingFor: [], stale: many }, '[::1]:1'),
      'Serving xDS on [::1]:1; not reachable, last answer kept: dns/0, dns/1, dns/2, dns/3, dns/4, 2 more',
    )
  })
})

describe('the journal', () => {
  test('is known by device and inode of the descriptor', () => {
    const stat = () => ({ dev: 8, ino: 42 })
    assert.equal(readByJournal(1, { JOURNAL_STREAM: '8:42' }, stat), true)
    for (const said of [undefined, '', '8:43', '9:42', 'x'])
      assert.equal(readByJournal(1, { JOURNAL_STREAM: said }, stat), false)
    const gone = () => {
      throw new Error('EBADF')
    }
    assert.equal(readByJournal(1, { JOURNAL_STREAM: '8:42' }, gone), false)
  })

  for (const format of ['json', 'pretty'] as const)
    test(`${format}: a priority before each line, and no time`, () => {
      const lines: string[] = []
      const log = createLogger({
        format,
        journal: true,
        destination: { write: (line) => void lines.push(line) },
      })
      log.error({ error: { code: 'X' } }, 'one')
      log.warn({}, 'two')
      log.info({ level: 'debug' }, 'three')
      log.debug({}, 'not said')
      log.level = 'debug'
      log.debug({}, 'four')
      assert.deepEqual(
        lines.map((line) => line.slice(0, 3)),
        ['<3>', '<4>', '<6>', '<7>'],
      )
      for (const line of lines) {
        for (const own of line.trimEnd().split('\n')) assert.ok(own.startsWith(line.slice(0, 3)), line)
        assert.doesNotMatch(line, /"time"|\d\d:\d\d:\d\d/)
      }
    })
})

test('the state directory that systemd made is the default, and no more than that', () => {
  const load = (text: string, env: Record<string, string>) =>
    loadSettings({ file: '/etc/pilothouse/pilothouse.yaml', readText: () => text, env }).settings?.stateDir
  const made = { STATE_DIRECTORY: '/var/lib/pilothouse:/var/lib/other' }
  const text = 'registries: [{ kind: file, path: services }]\n'
  assert.equal(load(text, made), '/var/lib/pilothouse')
  assert.equal(load(`${text}stateDir: /srv/state\n`, made), '/srv/state')
  assert.equal(load(text, { ...made, PILOTHOUSE_STATE_DIR: '/env' }), '/env')
  assert.equal(load(text, {}), undefined)
})
