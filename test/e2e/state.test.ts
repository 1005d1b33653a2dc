/** The last snapshot on disk: a Pilot that comes back while its registry is away still serves, and says so. */
import assert from 'node:assert/strict'
import { mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { startApp } from '../support/apps.ts'
import { cleanup, until } from '../support/cleanup.ts'
import { http1 } from '../support/clients.ts'
import { serviceEntry } from '../support/istio.ts'
import { world } from '../support/world.ts'

const house = cleanup()
after(() => house.end())

const host = 'kept.test.mesh'

test('restarted while the files are away: serves the last snapshot, stale, and freshens when they are back', async () => {
  const stateDir = house.add(await mkdtemp(join(tmpdir(), 'pilothouse-state-')), (path) =>
    rm(path, { recursive: true }),
  )
  const app = house.add(await startApp({ kind: 'http', name: 'kept' }), (each) => each.stop())
  const endpoint = { address: '127.0.0.1', ports: { http: app.port } }
  const object = serviceEntry({
    host,
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
    endpoints: [endpoint],
  })
  const it = await world(house, {
    files: { service: [object] },
    settings: (plain) => ({ ...plain, stateDir }),
  })

  await it.pilot.stop()
  const away = `${it.files}.away`
  await rename(it.files, away)
  house.add(away, (path) => rm(path, { recursive: true, force: true }))
  await it.pilot.restart()

  // A sidecar that has nothing yet, so that all it knows is the snapshot's.
  const client = await it.sidecar({ name: 'newcomer', ip: it.ip(1) })
  const answers = async () => (await http1({ to: client.outbound, host })).status === 200
  await until('an answer by the last snapshot', answers)
  const [registry] = (await it.rest('/debug/registryz')).registries
  assert.notEqual(registry.state, 'fresh')
  assert.match(registry.error.message, /can't be read/)
  const [known] = await it.rest(`/debug/endpointz?service=${host}`)
  assert.equal(known.state, 'stale')
  // What is kept may name hosts and addresses: for this user only.
  assert.equal((await stat(join(stateDir, 'mesh'))).mode & 0o777, 0o700)

  await rename(away, it.files)
  await until(
    'the registry to be fresh',
    async () => (await it.rest('/debug/registryz')).registries[0].state === 'fresh',
  )
  assert.equal((await it.rest(`/debug/endpointz?service=${host}`))[0].state, 'fresh')
  assert.ok(await answers())
})
