/** The job in a real Nomad: it runs by raw_exec, registers itself, and reads its Nomad and its Consul by its identity. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { cleanup, until } from '../../support/cleanup.ts'
import { command } from '../../support/pilot.ts'
import { freePort } from '../../support/ports.ts'
import { binary, type ConsulServer, type NomadServer, startConsul, startNomad } from '../../testbed/index.ts'

const run = promisify(execFile)
const folder = (name: string) => fileURLToPath(new URL(`../../../deploy/nomad/${name}`, import.meta.url))
const house = cleanup()
let consul: ConsulServer
let nomad: NomadServer
let ports: { xds: number; admin: number }

before(
  async () => {
    consul = house.add(await startConsul(), (it) => it.stop())
    // Short: the socket of the task API is below it, and the path of a Unix socket has 107 bytes at most.
    const data_dir = house.add(await mkdtemp('/tmp/pn-'), (it) => rm(it, { recursive: true }))
    house.add(data_dir, unmount)
    nomad = house.add(await startNomad({ acl: true, consul, config: { data_dir } }), (it) => it.stop())
    ports = { xds: await freePort(), admin: await freePort() }
  },
  { timeout: 150_000 },
)
after(() => house.end())

/** The secrets of an allocation are a mount that outlives it. */
async function unmount(below: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
  for (const path of mounts.filter((it) => it.startsWith(`${below}/`)).reverse())
    await run('umount', ['-l', path])
}

async function cli(...args: string[]): Promise<string> {
  const env = {
    PATH: process.env.PATH,
    HOME: '/nonexistent',
    NOMAD_ADDR: nomad.url,
    NOMAD_TOKEN: nomad.token,
  }
  const { stdout, stderr } = await run(await binary('nomad'), args, { env })
  return stdout + stderr
}

const variables = () =>
  Object.entries({
    node: process.execPath,
    pilothouse: command,
    bind: '127.0.0.1',
    xds_port: `${ports.xds}`,
    admin_port: `${ports.admin}`,
    consul_address: consul.url,
  }).flatMap(([name, value]) => ['-var', `${name}=${value}`])

// biome-ignore lint/suspicious/noExplicitAny: JSON that a test looks into
async function rest(path: string): Promise<any> {
  const answer = await fetch(`http://127.0.0.1:${ports.admin}${path}`)
  assert.ok(answer.ok, `${path}: ${answer.status}`)
  return answer.json()
}

test('nomad job validate takes it, with its defaults and with every variable', async () => {
  const file = folder('pilothouse.nomad.hcl')
  assert.match(await cli('job', 'validate', file), /successful/)
  const others = [
    ...['consul_identity=true', 'artifact=https://example.com/pilothouse.cjs', 'count=3'],
    ...['driver=exec', 'provider=consul', 'arguments=["--log-level","debug"]'],
  ].flatMap((each) => ['-var', each])
  assert.match(await cli('job', 'validate', ...variables(), ...others, file), /successful/)
})

test('runs, registers itself healthy, and sees Nomad and Consul with the rights of its policy', {
  timeout: 120_000,
}, async () => {
  const policy = ['-namespace', 'default', '-job', 'pilothouse', 'pilothouse', folder('policy.hcl')]
  await cli('acl', 'policy', 'apply', ...policy)
  await cli('job', 'run', '-detach', ...variables(), folder('pilothouse.nomad.hcl'))
  house.add('pilothouse', (id) => nomad.stopJob(id))
  await until('the Pilot to be ready', async () => (await rest('/ready')).ready, 60_000)
  const [registered] = await until('its own registration', async () => {
    const found = await nomad.api('GET', '/v1/service/pilothouse')
    return found.length > 0 && found
  })
  assert.deepEqual([registered.Address, registered.Port], ['127.0.0.1', ports.xds])
  await until('its check to pass', async () => {
    const checks = Object.values(await nomad.api('GET', `/v1/client/allocation/${registered.AllocID}/checks`))
    return (checks as { Check: string; Status: string }[]).every(({ Status }) => Status === 'success')
  })

  await consul.api('PUT', '/v1/agent/service/register', { Name: 'web', Address: '10.1.2.3', Port: 8080 })
  for (const wanted of ['web.service.consul', 'pilothouse.default.nomad'])
    await until(`${wanted} among the services`, async () => {
      const { services, registries } = await rest('/debug/registryz')
      if (services.some(({ hostname }: { hostname: string }) => hostname === wanted)) return true
      throw new Error(JSON.stringify({ registries, services }))
    })
  for (const { name, state, error } of (await rest('/debug/registryz')).registries)
    assert.deepEqual([name, state, error ?? null], [name, 'fresh', null])
})

test('SIGHUP by Nomad reads the settings again; a stop deregisters first and ends with 0', {
  timeout: 60_000,
}, async () => {
  const [{ AllocID: id }] = await nomad.api('GET', '/v1/service/pilothouse')
  await cli('alloc', 'signal', '-s', 'SIGHUP', id)
  await until('the reload in its log', async () =>
    (await cli('alloc', 'logs', id)).includes('settings read again: the sources stay as they are'),
  )
  await nomad.api('DELETE', '/v1/job/pilothouse')
  await until(
    'it to be deregistered',
    async () => (await nomad.api('GET', '/v1/service/pilothouse')).length === 0,
  )
  const code = await until(
    'its end',
    async () => {
      const { TaskStates } = await nomad.api('GET', `/v1/allocation/${id}`)
      const { Events } = TaskStates.pilothouse
      const ended = Events.find(({ Type }: { Type: string }) => Type === 'Terminated')
      return ended && `${ended.ExitCode}`
    },
    40_000,
  )
  assert.equal(code, '0')
})
