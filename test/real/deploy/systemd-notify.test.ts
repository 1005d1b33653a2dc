/** What the Pilot tells a service manager, by the real systemd-notify to a socket that listens as systemd's does. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { folder, freePorts } from '../../deploy/configured.ts'
import { cleanup, until } from '../../support/cleanup.ts'
import { serviceEntry } from '../../support/istio.ts'
import { command } from '../../support/pilot.ts'

const house = cleanup()
after(() => house.end())

/** Prints each datagram as a line of JSON; an abstract address (`@…`) and a path both do. */
const listener = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = sys.argv[1]
s.bind("\\0" + name[1:] if name.startswith("@") else name)
print("listening", flush=True)
while True:
    print(json.dumps(s.recv(65536).decode()), flush=True)
`

async function managerSocket(address: string): Promise<string[]> {
  const child = spawn('python3', ['-c', listener, address], { stdio: ['ignore', 'pipe', 'inherit'] })
  house.add(child, (it) => it.kill('SIGKILL'))
  const messages: string[] = []
  let listening = false
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'listening') listening = true
    else messages.push(JSON.parse(line))
  })
  await until('the socket', () => listening)
  return messages
}

const says = (messages: readonly string[], pattern: RegExp) =>
  until(`${pattern} in ${JSON.stringify(messages)}`, () => messages.some((text) => pattern.test(text)))

for (const kind of ['path', 'abstract'] as const)
  test(`${kind} socket: waiting, ready, watchdog, reload, refusal, stop`, async () => {
    const files = await folder(house)
    const address = kind === 'path' ? `${files.path}/notify` : `@pilothouse-test-${process.pid}`
    const messages = await managerSocket(address)
    const services = (name: string) => ({
      registries: [{ kind: 'file', path: name, name }],
    })
    await files.settings(services('later'))
    const { xdsPort, adminPort } = await freePorts()
    const child = spawn(
      process.execPath,
      [
        ...[command, 'serve', '--config', files.settingsFile],
        ...['--xds-address', `127.0.0.1:${xdsPort}`, '--admin-address', `127.0.0.1:${adminPort}`],
      ],
      {
        env: {
          ...process.env,
          NOTIFY_SOCKET: address,
          WATCHDOG_USEC: '1000000',
          STATE_DIRECTORY: `${files.path}/state`,
        },
        stdio: 'ignore',
      },
    )
    const ended = new Promise((resolve) => child.once('exit', resolve))
    house.add(child, async (it) => {
      it.kill('SIGKILL')
      await ended
    })
    await says(messages, /^STATUS=Waiting for file\/later \(/m)
    await says(messages, /^WATCHDOG=1$/m)
    assert.ok(!messages.some((text) => text.includes('READY=1')))

    const entry = serviceEntry({ host: 'a.test.mesh', ports: [{ number: 80, name: 'http' }] })
    await files.put('later/service', entry)
    await says(messages, /^READY=1\nSTATUS=Serving xDS on 127\.0\.0\.1:\d+$/m)
    const pings = () => messages.filter((text) => text === 'WATCHDOG=1\n' || text === 'WATCHDOG=1').length
    const before = pings()
    await until('more pings', () => pings() >= before + 3)

    messages.length = 0
    await files.put('other/service', entry)
    await files.settings(services('other'))
    child.kill('SIGHUP')
    await says(messages, /^RELOADING=1\nMONOTONIC_USEC=\d+/m)
    await says(messages, /^READY=1\nSTATUS=Serving/m)

    messages.length = 0
    await files.settings('registries: [{ kind: fiel }]')
    child.kill('SIGHUP')
    await says(messages, /^READY=1\nSTATUS=Settings refused, those before stay in force: .*unknown kind/m)

    child.kill('SIGTERM')
    await says(messages, /^STOPPING=1/m)
    assert.equal(await ended, 0)
  })
