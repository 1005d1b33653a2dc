/** A Nomad with ACLs and mutual TLS: rights that are missing, lost and given back, a token that is renewed in its file. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, suite, test } from 'node:test'
import { type NomadServer, startNomad } from '../../testbed/index.ts'
import { sleeper, submit } from './jobs.ts'
import { type Watched, watch } from './watch.ts'

let nomad: NomadServer
let directory: string
before(async () => {
  nomad = await startNomad({ acl: true, tls: 'mutual' })
  directory = mkdtempSync(join(tmpdir(), 'pilothouse-nomad-'))
  await nomad.api('POST', '/v1/namespace/shop', { Name: 'shop' })
  await nomad.runJob(sleeper('shared', [{ name: 'orders', address: '10.0.0.1' }]))
  await nomad.runJob(sleeper('cart', [{ name: 'cart', address: '10.0.7.1' }], { namespace: 'shop' }))
})
after(async () => {
  await nomad?.api('DELETE', '/v1/job/cart?purge=true&namespace=shop').catch(() => undefined)
  await nomad?.stop()
  if (directory) rmSync(directory, { recursive: true })
})

const policy = (name: string, ...rules: string[]) =>
  nomad.api('POST', `/v1/acl/policy/${name}`, { Name: name, Rules: rules.join('\n') })
const DEFAULT = 'namespace "default" { capabilities = ["read-job"] }'
const SHOP = 'namespace "shop" { capabilities = ["read-job"] }'
const NODES = 'node { policy = "read" }'
const token = async (name: string): Promise<{ AccessorID: string; SecretID: string }> =>
  nomad.api('POST', '/v1/acl/token', { Name: name, Type: 'client', Policies: [name] })

const tls = () => {
  const { ca, clientCert: cert, clientKey: key } = nomad.certificates!
  return { ca, cert, key, serverName: 'server.global.nomad' }
}
const follow = (t: Parameters<typeof watch>[0], fields: object, more = {}) =>
  watch(t, { address: nomad.url, tls: tls(), checks: false, ...fields }, more)
const names = (w: Watched) => [...w.services.values()].map(({ hostname }) => hostname).sort()
const ORDERS = 'orders.default.nomad'
const CART = 'cart.shop.nomad'

beforeEach(() => policy('reader', DEFAULT, SHOP, NODES))

suite('rights', () => {
  test('a token that may read sees all; no token, and one without rights, see trouble and no emptiness', async (t) => {
    const { SecretID } = await token('reader')
    await policy('nobody', 'agent { policy = "read" }')
    const nobody = await token('nobody')
    const reader = follow(t, { token: SecretID })
    const none = follow(t, {})
    const other = follow(t, { token: nobody.SecretID })
    const named = follow(t, { token: nobody.SecretID, namespaces: ['default'] })
    await reader.until('synced', () => names(reader).length === 2)
    assert.deepEqual(names(reader), [CART, ORDERS])
    for (const each of [none, other, named]) {
      await each.until('denied', () => each.trouble()?.error.code === 'PH3002')
      assert.ok(each.updates.every(({ kind }) => kind === 'trouble'))
      assert.ok(!JSON.stringify(each.updates).includes(nobody.SecretID))
    }
  })

  test('a token without node:read sees services, without drained nodes, and is told so', async (t) => {
    await policy('jobs', DEFAULT, SHOP)
    const { SecretID } = await token('jobs')
    const w = follow(t, { token: SecretID })
    await w.until('synced', () => names(w).length === 2)
    await w.until('warned', () => w.warnings.some((text) => text.includes('node:read')))
    await submit(nomad, sleeper('shared', [{ name: 'orders', address: '10.0.0.2' }]))
    await w.until('changed', () => w.addresses('orders') === '10.0.0.2')
  })

  test('a token that is revoked while it is used: trouble, endpoints stay; a new one in its file is picked up', async (t) => {
    const first = await token('reader')
    const tokenFile = join(directory, 'token')
    writeFileSync(tokenFile, `${first.SecretID}\n`)
    // Nomad ends the stream, but not its connection: only its silence tells.
    const w = follow(t, { tokenFile }, { silence: 2000 })
    await w.until('synced', () => names(w).length === 2)
    await w.until('the stream lives', () => w.open() === 3)
    w.guard({ orders: 1, 'cart.shop': 1 })
    await nomad.api('DELETE', `/v1/acl/token/${first.AccessorID}`)
    await w.until('denied', () => w.trouble()?.error.code === 'PH3002')
    assert.equal(w.services.size, 2)
    const second = await token('reader')
    writeFileSync(tokenFile, second.SecretID)
    await w.until('back', () => !w.trouble())
    await submit(nomad, sleeper('shared', [{ name: 'orders', address: '10.0.0.3' }]))
    await w.until('changed', () => w.addresses('orders') === '10.0.0.3')
    assert.deepEqual(w.lows(), [])
    assert.equal(w.updates.filter(({ kind }) => kind === 'full').length, 1)
  })

  test('rights to a namespace that are lost: its services stay, in trouble, and the others go on', async (t) => {
    const { SecretID } = await token('reader')
    const w = follow(t, { token: SecretID }, { wait: 500 })
    await w.until('synced', () => names(w).length === 2)
    w.guard({ orders: 1, 'cart.shop': 1 })
    await policy('reader', DEFAULT, NODES)
    await w.until('denied', () => w.updates.some((u) => u.kind === 'trouble' && u.error.code === 'PH3002'))
    await submit(nomad, sleeper('shared', [{ name: 'orders', address: '10.0.0.4' }]))
    await w.until('the other goes on', () => w.addresses('orders') === '10.0.0.4')
    const trouble = w.updates.find((u) => u.kind === 'trouble')
    assert.deepEqual(trouble?.kind === 'trouble' && trouble.services, ['shop/cart.shop.nomad'])
    await policy('reader', DEFAULT, SHOP, NODES)
    const since = w.updates.length
    await w.until('named again', () =>
      w.updates
        .slice(since - 1)
        .some((u) => u.kind === 'delta' && u.changed.some((s) => s.hostname === CART)),
    )
    assert.deepEqual(w.lows(), [])
  })

  test('one namespace of several that may not be read does not hold up the others', async (t) => {
    await policy('one', DEFAULT, NODES)
    const { SecretID } = await token('one')
    const w = follow(t, { token: SecretID, namespaces: ['default', 'shop'] }, { hold: 500 })
    await w.until('synced', () => names(w).includes(ORDERS))
    assert.deepEqual(names(w), [ORDERS])
  })
})

suite('TLS', () => {
  const expect = async (t: Parameters<typeof watch>[0], fields: object, code: RegExp) => {
    const w = watch(t, { address: nomad.url, token: nomad.token, ...fields })
    await w.until(String(code), () => code.test(w.trouble()?.error.code ?? ''))
    assert.ok(!JSON.stringify(w.updates).includes(nomad.token!))
  }
  test('an authority that is not known, a name that is another, a certificate that is missing: trouble', async (t) => {
    const { cert: _cert, key: _key, ...noClient } = tls()
    await expect(t, { tls: { cert: tls().cert, key: tls().key } }, /PH3007/)
    await expect(t, { tls: { ...tls(), serverName: 'elsewhere.example' } }, /PH3007/)
    // TLS 1.3 says so after the handshake, so that a question may already be cut off by it.
    await expect(t, { tls: noClient }, /PH3007|PH3001/)
  })
  test('without verification, where it is said so', async (t) => {
    const { cert, key } = tls()
    const w = follow(t, { tls: { cert, key, skipVerify: true }, token: nomad.token })
    await w.until('synced', () => names(w).length === 2)
  })
})
