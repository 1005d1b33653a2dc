import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import type { Service } from '#model/service.ts'
import { applyDelta, catalogueOf, reconcileHash } from '#registries/eureka/catalogue.ts'
import { createServices } from '#registries/eureka/services.ts'
import { createTranslate, localityOf, type TranslateSettings } from '#registries/eureka/translate.ts'
import { type Applications, type Instance, parseApplications } from '#registries/eureka/wire.ts'
import { silentLogger } from '#support/logger.ts'
import { type FakeInstance, rawInstance } from './eureka-server.ts'

const settings: TranslateSettings = {
  name: 'eureka/one',
  namespace: 'default',
  hostname: '{vip}',
  preferIpAddress: true,
  secure: 'auto',
  protocol: 'AUTO',
  region: '',
}
const parse = (json: unknown): Applications => {
  const parsed = parseApplications(typeof json === 'string' ? json : JSON.stringify(json))
  assert.ok(typeof parsed !== 'string', String(parsed))
  return parsed
}
const recorded = (name: string): Applications =>
  parse(readFileSync(new URL(`../wire/eureka-4.3.0/${name}.json`, import.meta.url), 'utf8'))
const instances = (...list: readonly FakeInstance[]): readonly Instance[] =>
  parse({ applications: { application: { instance: list.map((it) => rawInstance(it, 1)) } } }).instances

function services(list: readonly Instance[], more: Partial<TranslateSettings> = {}, warnings: string[] = []) {
  const log = { ...silentLogger, warn: (_: object, message: string) => warnings.push(message) }
  const all = createServices(createTranslate({ ...settings, ...more }), 'default', log)
  for (const instance of list) all.put(instance.key, instance)
  all.take()
  return new Map(all.all().map((service) => [service.hostname, service]))
}
const ports = (service: Service | undefined) =>
  service?.ports.map(({ name, port, protocol }) => `${name} ${port} ${protocol}`)
const ends = (service: Service | undefined) =>
  service?.endpoints.map(
    ({ address, ports, health }) => `${address} ${Object.values(ports).join(',')} ${health}`,
  )

suite('Eureka: recorded answers of Spring Cloud Netflix 4.3.0', () => {
  for (const name of ['empty', 'single', 'many'])
    test(`${name}: the hash is that of what is listed, and the delta leads to it`, () => {
      const apps = recorded(`${name}-apps`)
      const delta = recorded(`${name}-delta`)
      assert.equal(reconcileHash(apps.instances), apps.hash)
      const after = applyDelta(catalogueOf(apps.instances), delta.instances)
      assert.equal(reconcileHash(after.values()), delta.hash)
    })

  test('many: services, ports and health', () => {
    const found = services(recorded('many-apps').instances)
    const shown = [...found.keys()]
      .sort()
      .map((host) => [host, ports(found.get(host)), ends(found.get(host))])
    assert.deepEqual(shown, [
      ['billing', ['default 8080 AUTO'], ['10.0.1.1 8080 HEALTHY']],
      ['named', ['default 80 AUTO'], ['10.0.3.1 80 HEALTHY']],
      [
        'orders',
        ['http 8080 HTTP', 'https 8443 HTTPS'],
        ['10.0.0.1 8080,0 HEALTHY', '10.0.0.2 9090,8443 DRAINING', '10.0.0.3 8080,0 UNHEALTHY'],
      ],
      ['payments', ['default 8080 AUTO'], ['10.0.1.1 8080 HEALTHY']],
      ['payments-tls', ['https 8443 HTTPS'], ['10.0.1.1 8443 HEALTHY']],
      ['secure', ['https 8443 HTTPS'], ['10.0.2.1 8443 HEALTHY']],
    ])
    const [first] = found.get('orders')!.endpoints
    assert.deepEqual(first, {
      address: '10.0.0.1',
      ports: { http: 8080, https: 0 },
      health: 'HEALTHY',
      weight: 3,
      locality: { region: '', zone: 'zone-a', subzone: '' },
      labels: { zone: 'zone-a', version: 'v1', weight: '3' },
      network: '',
      serviceAccount: '',
      workload: '10.0.0.1:orders:8080',
      registry: 'eureka/one',
      origin: { source: 'eureka/one', object: 'Instance/ORDERS/10.0.0.1:orders:8080' },
    })
    assert.deepEqual(found.get('payments')!.endpoints[0]!.locality, {
      region: 'us-east-1',
      zone: 'us-east-1a',
      subzone: '',
    })
  })
})

suite('Eureka: settings', () => {
  const many = recorded('many-apps').instances

  test('secure: always, never', () => {
    const always = services(many, { secure: 'always' })
    assert.deepEqual([...always.keys()].sort(), ['orders', 'payments-tls', 'secure'])
    assert.deepEqual(ends(always.get('orders')), ['10.0.0.2 8443 DRAINING'])
    const never = services(many, { secure: 'never' })
    assert.ok(!never.has('payments-tls') && !never.has('secure'))
    assert.deepEqual(ports(never.get('orders')), ['http 8080 HTTP'])
  })

  test('hostNames where they are preferred; a name makes the service one of DNS', () => {
    const found = services(many, { preferIpAddress: false })
    assert.equal(found.get('named')!.resolution, 'DNS')
    assert.equal(found.get('named')!.endpoints[0]!.address, 'named-1.example.com')
    assert.equal(found.get('orders')!.resolution, 'STATIC')
  })

  test('hostname by app, and by zone', () => {
    const byApp = services(many, { hostname: '{app}.eureka' })
    assert.deepEqual(ends(byApp.get('payments.eureka')), ['10.0.1.1 8080,8443 HEALTHY'])
    assert.ok(!byApp.has('billing.eureka'))
    const byZone = services(many, { hostname: '{vip}.{zone}' })
    assert.equal(byZone.get('orders.zone-a')!.endpoints.length, 1)
    assert.equal(byZone.get('orders.default')!.endpoints.length, 2)
  })

  test('protocol, port and region of the settings count where metadata says nothing', () => {
    const found = services(many, { protocol: 'GRPC', port: 80, region: 'eu' })
    assert.deepEqual(ports(found.get('payments')), ['grpc 80 GRPC'])
    assert.deepEqual(ports(found.get('orders')), ['http 80 HTTP', 'https 8443 HTTPS'])
    assert.equal(found.get('orders')!.endpoints[0]!.locality!.region, 'eu')
    const own = services(instances({ app: 'a', address: '10.0.0.1', more: { metadata: { port: '81' } } }), {
      port: 80,
    })
    assert.deepEqual(ports(own.get('a')), ['default 81 AUTO'])
  })
})

suite('Eureka: what may be in an instance', () => {
  const one = (more: Record<string, unknown>, address = '10.0.0.1') =>
    services(instances({ app: 'a', address, more })).get('a')
  const rows: [string, Record<string, unknown>, string | undefined][] = [
    ['overridden out of service while UP', { overriddenStatus: 'OUT_OF_SERVICE' }, '10.0.0.1 8080 DRAINING'],
    [
      'the old spelling',
      { overriddenStatus: undefined, overriddenstatus: 'DOWN' },
      '10.0.0.1 8080 UNHEALTHY',
    ],
    ['overridden UP while DOWN', { status: 'DOWN', overriddenStatus: 'UP' }, '10.0.0.1 8080 UNHEALTHY'],
    ['an unknown status', { status: 'SLEEPING' }, '10.0.0.1 8080 UNHEALTHY'],
    ['no status', { status: null }, '10.0.0.1 8080 UNHEALTHY'],
    ['a bare port', { port: 9000 }, '10.0.0.1 9000 HEALTHY'],
    ['a port as text', { port: { $: '9000', '@enabled': true } }, '10.0.0.1 9000 HEALTHY'],
    ['a port that can not be', { port: { $: 0, '@enabled': 'true' } }, undefined],
    ['no port enabled', { port: { $: 80, '@enabled': 'false' } }, undefined],
    ['no vip: its app', { vipAddress: undefined, secureVipAddress: null }, '10.0.0.1 8080 HEALTHY'],
    ['no address', { ipAddr: 'nonsense', hostName: '' }, undefined],
    ['an address that nobody can call', { ipAddr: '0.0.0.0', hostName: '::' }, undefined],
    ['an IPv6 address', { ipAddr: '2001:DB8:0:0::1' }, '2001:db8::1 8080 HEALTHY'],
    [
      'wrong types',
      { metadata: [1], leaseInfo: 'x', dataCenterInfo: 3, lastDirtyTimestamp: {} },
      '10.0.0.1 8080 HEALTHY',
    ],
    ['a DNS name and no IP', { ipAddr: '', hostName: 'a.example.com' }, undefined],
  ]
  for (const [name, more, expected] of rows) test(name, () => assert.equal(ends(one(more))?.[0], expected))

  test('upper case names, many vips, names that are no DNS names', () => {
    const warnings: string[] = []
    const list = instances(
      { app: 'a', address: '10.0.0.1', more: { vipAddress: ' ORDERS-SERVICE, orders ,,a b' } },
      { app: 'b', address: '10.0.0.2', more: { vipAddress: 'orders' } },
      { app: 'c d', address: '10.0.0.3', more: { vipAddress: '@unresolved@' } },
    )
    const found = services(list, {}, warnings)
    assert.deepEqual([...found.keys()].sort(), ['orders', 'orders-service'])
    assert.equal(found.get('orders')!.endpoints.length, 2)
    assert.equal(warnings.length, 1)
    assert.match(warnings[0]!, /C D\/10\.0\.0\.3:c d is left out: its names make no DNS name/)
  })

  test('one object where others give a list; nothing is said of what is no instance', () => {
    const raw = rawInstance({ app: 'a', address: '10.0.0.1' }, 1)
    const single = parse({
      applications: { apps__hashcode: 'UP_1_', application: { name: 'A', instance: raw } },
    })
    assert.equal(single.instances.length, 1)
    const odd = parse({ applications: { application: [null, 3, { instance: [null, 'x', raw] }] } })
    assert.equal(odd.instances.length, 1)
    const noId = parse({
      applications: {
        application: [{ name: 'a', instance: { ...raw, instanceId: undefined, app: undefined } }],
      },
    })
    assert.equal(noId.instances[0]!.key, 'A/10.0.0.1:a:8080')
  })

  test('what is no list of applications is said so', () => {
    for (const body of ['', 'null', '[]', '{}', '<html>', '{"applications":null}', '{"applications":{}}'])
      assert.equal(typeof parseApplications(body), 'string', body)
  })

  test('weights and zones', () => {
    const weight = (text: unknown) => one({ metadata: { weight: text } })!.endpoints[0]!.weight
    assert.deepEqual(
      [weight('5'), weight(7), weight('0'), weight('x'), weight('-3'), weight('1e99')],
      [5, 7, 1, 1, 1, 65_535],
    )
    const locality = (metadata: Record<string, string>) =>
      localityOf(instances({ app: 'a', address: '10.0.0.1', more: { metadata } })[0]!.facts, 'r')
    assert.deepEqual(locality({ zone: 'eu/eu-1/rack' }), { region: 'eu', zone: 'eu-1', subzone: 'rack' })
    assert.deepEqual(locality({ zone: 'z', region: 'eu' }), { region: 'eu', zone: 'z', subzone: '' })
    assert.equal(locality({}), undefined)
  })

  test('a lease that ran out long ago counts only while most siblings renew', () => {
    const translate = createTranslate(settings)
    const list = instances(
      { app: 'a', address: '10.0.0.1' },
      { app: 'a', address: '10.0.0.2' },
      { app: 'a', address: '10.0.0.3' },
    )
    const health = (...expired: number[]) =>
      translate
        .service('a', list, new Set(expired.map((i) => list[i]!.key)))!
        .endpoints.map((endpoint) => endpoint.health[0])
        .join('')
    assert.deepEqual([health(), health(1), health(0, 1), health(0, 1, 2)], ['HHH', 'HUH', 'HHH', 'HHH'])
  })
})
