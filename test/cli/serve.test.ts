import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { runServe, stopSignal } from '#src/cli/serve.ts'
import { startPilot } from '#src/main.ts'
import { loadSettings } from '#src/settings.ts'
import { type Logger, silentLogger } from '#support/logger.ts'

function recording(): { log: Logger; lines: string[] } {
  const lines: string[] = []
  const line = (_fields: object, message?: string) => void lines.push(message ?? '')
  return { log: { ...silentLogger, info: line, warn: line }, lines }
}

test('SIGHUP ends what runs in a terminal, and has a daemon read its settings again', async () => {
  const [daemon, shell] = [new EventEmitter(), new EventEmitter()]
  let reloads = 0
  const stopped = stopSignal(daemon, false, () => reloads++)
  for (const name of ['SIGHUP', 'SIGHUP', 'SIGTERM']) daemon.emit(name, name)
  assert.equal(await stopped, 'SIGTERM')
  assert.equal(reloads, 2)
  const closed = stopSignal(shell, true, () => reloads++)
  shell.emit('SIGHUP', 'SIGHUP')
  assert.equal(await closed, 'SIGHUP')
})

test('a source that the grace left behind is told: proxies lose what they have of it', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'pilothouse-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const { log, lines } = recording()
  const address = '127.0.0.1:0'
  const gone = join(dir, 'gone')
  const { settings } = loadSettings({
    flags: { files: [dir, gone], xdsAddress: address, adminAddress: address, startupGrace: '50ms' },
  })
  const pilot = await startPilot(settings!, { log })
  await pilot.xds
  await pilot.stop()
  const told = lines.filter((line) => line.startsWith('serving without') && line.includes('/gone,'))
  assert.equal(told.length, 2, 'as a registry and as configuration')
  assert.ok(told.every((line) => line.includes('stateDir')))
})

test('signals are heard from the start on: settings are read again once there is a Pilot, and a stop is an orderly one', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'pilothouse-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const signals = new EventEmitter()
  const address = '127.0.0.1:0'
  const options = { files: [dir], xdsAddress: address, adminAddress: address, logLevel: 'error' } as const
  const ended = runServe(options, { signals, attached: false })
  for (const name of ['SIGHUP', 'SIGTERM']) assert.ok(signals.emit(name, name), `${name} has a listener`)
  assert.equal(await ended, 0)
})

test('an address that another process has is told with its remedy, and nothing is left behind', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'pilothouse-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const told = t.mock.method(console, 'error', () => {})
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const address = `127.0.0.1:${(taken.address() as AddressInfo).port}`
  const options = {
    files: [dir],
    xdsAddress: '127.0.0.1:0',
    adminAddress: address,
    logLevel: 'error',
  } as const
  assert.equal(await runServe(options, { signals: new EventEmitter(), attached: false }), 1)
  assert.match(String(told.mock.calls.at(-1)?.arguments[0]), /EADDRINUSE.*--admin-address/)
  // A rejection that nobody hears fails this test.
  await setImmediate()
})
