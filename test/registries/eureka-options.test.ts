import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { eurekaKind } from '#registries/eureka/options.ts'
import { eurekaServer } from '#registries/eureka/service-urls.ts'
import { readEureka } from './eureka-settings.ts'

const urls = (fields: Record<string, unknown>, env: Record<string, string> = {}) => {
  const { entry, issues } = readEureka(fields, env)
  assert.deepEqual(issues, [])
  return entry!.servers.map(({ url }) => url)
}

suite('Eureka: settings', () => {
  test('without a server nothing is dropped in silence, whatever was said before', () => {
    for (const serviceUrls of [[], {}, { zone: [] }]) {
      const { entry, issues } = readEureka({ serviceUrls, zone: 1 })
      assert.equal(entry, undefined)
      assert.match(issues.map(({ message }) => message).join('; '), /zone must be text; serviceUrls is empty/)
    }
  })

  test('defaults', () => {
    const { entry, issues } = readEureka({})
    assert.deepEqual(issues, [])
    assert.equal(entry!.name, 'eureka/127.0.0.1:8761')
    const { servers, pollInterval, hostname, holdMissing, leaseExpiry, secure, preferIpAddress, namespace } =
      entry!
    assert.deepEqual(
      { servers, pollInterval, hostname, holdMissing, leaseExpiry, secure, preferIpAddress, namespace },
      {
        servers: [{ url: 'http://127.0.0.1:8761/eureka' }],
        pollInterval: 30_000,
        hostname: '{vip}',
        holdMissing: 300_000,
        leaseExpiry: 300_000,
        secure: 'auto',
        preferIpAddress: true,
        namespace: 'default',
      },
    )
  })

  for (const [given, url] of [
    ['http://h:8761', 'http://h:8761/eureka'],
    ['http://h:8761/', 'http://h:8761/eureka'],
    ['http://h:8761/eureka', 'http://h:8761/eureka'],
    ['http://h:8761/eureka/', 'http://h:8761/eureka'],
    ['http://h:8761/eureka/apps/', 'http://h:8761/eureka'],
    ['http://h/eureka/v2/', 'http://h/eureka/v2'],
    ['https://h/discovery', 'https://h/discovery'],
    ['http://[::1]:8761/eureka/', 'http://[::1]:8761/eureka'],
  ] as const)
    test(`${given} is ${url}`, () => assert.equal(eurekaServer(given)?.url, url))

  test('a list, commas, the environment; each server once', () => {
    assert.deepEqual(urls({ serviceUrls: ['http://a, http://b/eureka/', 'http://a/eureka'] }), [
      'http://a/eureka',
      'http://b/eureka',
    ])
    const env = { EUREKA_SERVICE_URL: 'http://c:1/eureka/,http://d:1/eureka/' }
    assert.deepEqual(urls({}, env), ['http://c:1/eureka', 'http://d:1/eureka'])
    assert.deepEqual(urls({ serviceUrls: 'http://e' }, env), ['http://e/eureka'])
    assert.deepEqual(urls(eurekaKind.flag!('http://f:8761/eureka/')), ['http://f:8761/eureka'])
  })

  test("by zone, as Spring's service-url: one's own first, defaultZone last", () => {
    const serviceUrls = { defaultZone: 'http://d', za: 'http://a1,http://a2', zb: ['http://b'] }
    const hosts = (more: object) => urls({ serviceUrls, ...more }).map((url) => new URL(url).host)
    assert.deepEqual(hosts({ zone: 'zb' }), ['b', 'a1', 'a2', 'd'])
    assert.deepEqual(hosts({ zone: 'zb', preferSameZone: false }), ['a1', 'a2', 'b', 'd'])
    assert.deepEqual(hosts({}), ['a1', 'a2', 'b', 'd'])
  })

  test('credentials leave the URL, and are not shown', () => {
    const { entry } = readEureka({
      serviceUrls: ['http://u:p%40ss@a:1/eureka', 'http://b:1'],
      username: 'v',
      password: 'q',
    })
    assert.deepEqual(entry!.servers, [
      { url: 'http://a:1/eureka', user: 'u', password: 'p@ss' },
      { url: 'http://b:1/eureka', user: 'v', password: 'q' },
    ])
    assert.equal(entry!.name, 'eureka/a:1')
    const { issues } = readEureka({ serviceUrls: ['ftp://u:secret@a'] })
    assert.equal(issues.length, 1)
    assert.doesNotMatch(JSON.stringify(issues), /secret/)
  })

  test("Eureka's own name for the interval; files as from the settings' place; off", () => {
    const { entry, issues } = readEureka(
      { registryFetchInterval: '1s', caFile: 'ca.pem', leaseExpiry: false },
      {},
      'eureka/x',
    )
    assert.deepEqual(issues, [])
    assert.deepEqual(
      [entry!.pollInterval, entry!.caFile, entry!.leaseExpiry, entry!.name],
      [1000, '/etc/ca.pem', undefined, 'eureka/x'],
    )
  })

  for (const [name, fields] of [
    ['no server', { serviceUrls: [] }],
    ['no URL', { serviceUrls: ['orders'] }],
    ['an interval under a second', { pollInterval: '10ms' }],
    ['an unknown field of the hostname', { hostname: '{service}' }],
    ['an unknown protocol', { protocol: 'spdy' }],
    ['an unknown choice', { secure: 'maybe' }],
    ['a lease expiry that is no duration', { leaseExpiry: 'soon' }],
  ] as const)
    test(`told at load: ${name}`, () => {
      const { issues } = readEureka(fields)
      assert.equal(issues.length, 1)
      assert.ok(issues[0]!.message && issues[0]!.remedy)
    })
})
