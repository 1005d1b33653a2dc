/** Nomad as tests need it: jobs with services, ACLs, restarts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/cleanup.ts'
import { call, type NomadServer, startConsul, startNomad } from './index.ts'

const job = (provider: string) => `
job "web" {
  group "g" {
    count = 2
    network {
      port "http" {}
    }
    service {
      name     = "web"
      provider = "${provider}"
      port     = "http"
    }
    task "t" {
      driver = "raw_exec"
      config {
        command = "/bin/sleep"
        args    = ["600"]
      }
      resources {
        cpu    = 20
        memory = 20
      }
    }
  }
}`

const web = (nomad: NomadServer) => nomad.api('GET', '/v1/service/web')

test('a job runs and is registered; it outlives a killed agent, and goes with the data', async (t) => {
  const nomad = await startNomad({ acl: true })
  t.after(() => nomad.stop())
  assert.equal((await call('GET', `${nomad.url}/v1/services`)).status, 403)
  const id = await nomad.runJob(job('nomad'))
  await until('both instances are registered', async () => (await web(nomad)).length === 2)
  await nomad.kill()
  await assert.rejects(() => call('GET', nomad.url), { code: 'ECONNREFUSED' })
  await nomad.restart({ keepData: true })
  assert.equal((await web(nomad)).length, 2)
  const allocations = await nomad.api('GET', `/v1/job/${id}/allocations`)
  assert.deepEqual(
    allocations.map((each: { ClientStatus: string }) => each.ClientStatus),
    ['running', 'running'],
  )
  await nomad.stopJob(id)
  await until('none is registered', async () => (await web(nomad)).length === 0)
  await nomad.runJob(job('nomad'))
  await nomad.restart({ keepData: false })
  assert.deepEqual(await nomad.api('GET', '/v1/jobs'), [])
  assert.ok((await nomad.api('GET', '/v1/acl/token/self')).AccessorID)
})

test('with TLS, and services in Consul', async (t) => {
  const consul = await startConsul()
  t.after(() => consul.stop())
  const nomad = await startNomad({ tls: 'mutual', consul })
  t.after(() => nomad.stop())
  await assert.rejects(() => call('GET', `${nomad.url}/v1/jobs`))
  await nomad.runJob(job('consul'))
  await until(
    'Consul knows both instances',
    async () => (await consul.api('GET', '/v1/catalog/service/web')).length === 2,
  )
  nomad.pause()
  nomad.resume()
  assert.ok(await nomad.api('GET', '/v1/status/leader'))
})
