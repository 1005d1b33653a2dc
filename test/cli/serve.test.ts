import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadSettings } from '#src/settings.ts'
import { stopSignal } from '#src/cli/serve.ts'
import { startPilot } from '#src/main.ts'
import { type Logger, silentLogger } from '#support/logger.ts'

function recording(): { log: Logger; lines: string[] } {
  const lines: string[] = []
  const line = (_fields: object, message?: string) => void lines.push(message ?? '')
  return { log: { ...silentLogger, info: line, warn: line }, lines }
}

test('SIGHUP ends what runs in a terminal, and tells a daemon that there is nothing to reload', async () => {
  const { log, lines } = recording()
  const [daemon, shell] = [new EventEmitter(), new EventEmitter()]
  const stopped = stopSignal(log, daemon, false)
  for (const name of ['SIGHUP', 'SIGHUP', 'SIGTERM']) daemon.emit(name, name)
  assert.equal(await stopped, 'SIGTERM')
  assert.equal(lines.filter((line) => line.startsWith('nothing to reload')).length, 2)
  const closed = stopSignal(log, shell, true)
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
