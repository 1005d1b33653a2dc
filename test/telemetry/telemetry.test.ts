import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { trackConvergence } from '#telemetry/convergence.ts'
import { createLogger } from '#telemetry/log.ts'
import { createMetrics, type MetricsOptions } from '#telemetry/metrics.ts'
import { typeUrls } from '#xds/type-urls.ts'
import { loads, snapshot, stream, type } from '../admin/fakes.ts'

const at = new Date('2026-11-22T10:00:00Z')
const metrics = (of: Partial<MetricsOptions> = {}) => {
  const mesh = snapshot()
  return createMetrics({
    version: '0.1.0',
    process: false,
    snapshot: () => mesh,
    streams: () => [
      stream('s1', 'p1', {
        types: [type(typeUrls.listener, { nack: { message: 'no', resources: [], since: at } })],
      }),
      stream('s2', 'p2'),
    ],
    ready: () => true,
    now: () => at.getTime() + 5000,
    issues: () => [{ severity: 'error', code: 'X', message: 'm', remedy: 'r' }],
    views: { viewsBuilt: 3, viewsAdvanced: 40, active: 2 },
    merge: { merges: 9, servicesTouched: 8, emitted: 7, flaps: 4 },
    ...of,
  })
}
/** The line of a metric, without its help. */
const lines = async (m: ReturnType<typeof metrics>) =>
  (await m.text()).split('\n').filter((line) => !line.startsWith('#'))

describe('metrics', () => {
  test('what is looked up at the scrape', async () => {
    const found = await lines(metrics())
    for (const line of [
      'pilot_xds{version="1.29.0"} 2',
      'pilot_xds_lds_reject{node="p1"} 1',
      'pilot_services 2',
      'pilot_eds_no_instances 2',
      'pilot_dns_cluster_without_endpoints 0',
      'pilot_virt_services 0',
      'pilot_inbound_updates 9',
      'pilot_info{version="0.1.0"} 1',
      'pilothouse_endpoints{registry="consul/dc1",health="DRAINING"} 1',
      'pilothouse_registry_endpoints{registry="consul/dc1"} 1',
      'pilothouse_registry_stale_services{registry="consul/dc1"} 0',
      'pilothouse_registry_protected_services{registry="file/a"} 0',
      'pilothouse_flaps_total 4',
      'pilothouse_registry_state{registry="consul/dc1",role="registry",state="stale"} 1',
      'pilothouse_registry_state{registry="consul/dc1",role="registry",state="fresh"} 0',
      'pilothouse_registry_age_seconds{registry="file/a"} 5',
      'pilothouse_services_not_fresh{registry="consul/dc1",state="stale"} 1',
      'pilothouse_configs{kind="Sidecar"} 1',
      'pilothouse_issues{severity="error"} 1',
      'pilothouse_ready 1',
      'pilot_proxy_convergence_time_count 0',
      'pilothouse_views 2',
      'pilothouse_views_built_total 3',
      'pilothouse_views_advanced_total 40',
      'pilothouse_snapshots_total 7',
    ])
      assert.ok(found.includes(line), line)
    assert.ok(found.some((line) => /^istiod_uptime_seconds \d/.test(line)))
    assert.ok(found.some((line) => /^pilothouse_event_loop_utilization [01]/.test(line)))
  })

  test('load: of all clients together, by service port and zone', async () => {
    const load = { clients: () => 3, totals: () => loads }
    const found = await lines(metrics({ load }))
    const port = 'destination_service="orders.default",destination_port="80",source_zone="eu/eu-1"'
    for (const line of [
      'pilothouse_load_clients 3',
      `pilothouse_load_requests_total{${port},destination_zone="eu/eu-1"} 10`,
      `pilothouse_load_requests_total{${port},destination_zone=""} 5`,
      `pilothouse_load_request_errors_total{${port},destination_zone=""} 0.12345`,
      `pilothouse_load_dropped_requests_total{${port}} 1`,
    ])
      assert.ok(found.includes(line), line)
  })

  test('a version that is no text is unknown, whatever a proxy says', async () => {
    const odd = stream('s1', 'p1')
    const node = { ...odd.node, userAgentVersion: '', metadata: { ISTIO_VERSION: { toString: 'no' } } }
    const found = await lines(metrics({ streams: () => [{ ...odd, node }] }))
    assert.ok(found.includes('pilot_xds{version="unknown"} 1'))
  })

  test('what is told by hooks', async () => {
    const m = metrics()
    m.xds.onConnect('s1')
    m.xds.onPush('cds', 3, 1000, 's1')
    m.xds.onAck('cds', 's1')
    m.xds.onPush('lds', 1, 10, 's1')
    m.xds.onNack('lds', 's1')
    m.xds.onExpiredNonce('eds')
    m.xds.onRefused('RESOURCE_EXHAUSTED')
    m.xds.onGarbage()
    m.generate.count('encodes', 'eds')
    m.generate.count('pilot_conflict_inbound_listener', 'inbound')
    m.generate.count('unheard_of', 'x')
    m.mesh.onUpdate({
      snapshot: snapshot(),
      changes: {
        services: new Map([
          ['a', 'endpoints'],
          ['b', 'removed'],
        ]),
        configs: new Set(['Sidecar/a/b']),
      },
    })
    const found = await lines(m)
    for (const line of [
      'pilot_xds_pushes{type="cds"} 1',
      'pilothouse_xds_resources_total{type="cds"} 3',
      'pilothouse_xds_bytes_total{type="cds"} 1000',
      'pilot_xds_config_size_bytes_bucket{le="1",type="cds"} 0',
      'pilot_xds_config_size_bytes_bucket{le="10000",type="cds"} 1',
      'pilot_xds_config_size_bytes_bucket{le="+Inf",type="cds"} 1',
      'pilot_xds_config_size_bytes_sum{type="cds"} 1000',
      'pilothouse_xds_answer_seconds_count{type="cds"} 1',
      'pilot_total_xds_rejects{type="lds"} 1',
      'pilot_xds_expired_nonce{type="eds"} 1',
      'pilothouse_xds_refused_total{code="RESOURCE_EXHAUSTED"} 1',
      'pilothouse_garbage_connections_total 1',
      'pilothouse_encodes_total{type="eds"} 1',
      'pilot_conflict_inbound_listener{type="inbound"} 1',
      'pilothouse_generator_events_total{event="unheard_of"} 1',
      'pilot_push_triggers{type="endpoint"} 1',
      'pilot_push_triggers{type="service"} 1',
      'pilot_push_triggers{type="config"} 1',
    ])
      assert.ok(found.includes(line), line)
  })

  test('a NACK that is over disappears', async () => {
    const streams = [
      stream('s1', 'p1', {
        types: [type(typeUrls.listener, { nack: { message: '', resources: [], since: at } })],
      }),
    ]
    const m = metrics({ streams: () => streams })
    assert.match(await m.text(), /pilot_xds_lds_reject\{node="p1"\} 1/)
    streams.pop()
    assert.doesNotMatch(await m.text(), /pilot_xds_lds_reject\{/)
  })

  test('streams are read once a scrape', async () => {
    let reads = 0
    const m = metrics({
      streams: () => {
        reads++
        return []
      },
    })
    await m.text()
    await m.text()
    assert.equal(reads, 2)
  })

  test('the process too, and how late the event loop is while proxies are connected', async (t) => {
    const m = metrics({ process: true })
    const lag = async () =>
      Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(await m.text())?.[1] ?? Number.NaN)
    const busy = async (ms: number) => {
      await new Promise((resolve) => setTimeout(resolve, 60))
      const end = performance.now() + ms
      while (performance.now() < end);
      await new Promise((resolve) => setTimeout(resolve, 60))
    }
    assert.match(await m.text(), /^process_resident_memory_bytes \d/m)
    assert.doesNotMatch(
      await m.text(),
      /nodejs_active_(handles|requests)/,
      'a scrape that can abort the process',
    )
    await busy(100)
    assert.equal(await lag(), 0)
    m.xds.onConnect('s1')
    t.after(() => m.xds.onDisconnect('s1'))
    await busy(100)
    assert.ok((await lag()) >= 0.07)
  })
})

describe('convergence', () => {
  const tracked = () => {
    const seen: number[] = []
    let now = 0
    const track = trackConvergence(
      () => now,
      (seconds) => seen.push(seconds),
    )
    const at = (ms: number) => {
      now = ms
    }
    return { seen, track, at }
  }

  test('from a change until the last of its responses is accepted', () => {
    const { seen, track, at } = tracked()
    track.connected('s')
    at(1000)
    track.changed()
    at(1100)
    track.pushed('s', 'cds')
    track.pushed('s', 'lds')
    at(1200)
    assert.equal(track.answered('s', 'cds', true), 0.1)
    assert.deepEqual(seen, [])
    at(1500)
    track.answered('s', 'lds', true)
    assert.deepEqual(seen, [0.5])
  })

  test('not: a new proxy, a new subscription, a rejection, a stream that is gone', () => {
    const { seen, track, at } = tracked()
    track.changed()
    at(1000)
    track.connected('s')
    track.pushed('s', 'cds')
    track.answered('s', 'cds', true)
    at(5000)
    track.pushed('s', 'eds')
    track.answered('s', 'eds', true)
    at(6000)
    track.changed()
    track.pushed('s', 'lds')
    track.answered('s', 'lds', false)
    track.disconnected('s')
    track.pushed('s', 'lds')
    assert.equal(track.answered('s', 'lds', true), undefined)
    assert.deepEqual(seen, [])
  })
})

describe('log', () => {
  const logged = (fields: object, format: 'json' | 'pretty' = 'json') => {
    let text = ''
    const write = (line: string) => {
      text += line
    }
    const log = createLogger({ level: 'info', format, destination: { write } })
    log.debug({}, 'too quiet')
    log.info(fields, 'hello')
    return text
  }

  test('one JSON object a line', () => {
    const { time, ...line } = JSON.parse(logged({ registry: 'file/a' }))
    assert.deepEqual(line, { level: 'info', registry: 'file/a', msg: 'hello' })
    assert.match(time, /^\d{4}-\d\d-\d\dT.*Z$/)
  })

  test('no secrets', () => {
    const secret = 'hunter2'
    const text = logged({
      token: secret,
      headers: { authorization: secret, 'x-consul-token': secret },
      request: { headers: { Authorization: secret } },
      options: { password: secret },
    })
    assert.ok(!text.includes(secret), text)
  })

  test('errors with their stack, errors as values as they are', () => {
    assert.match(JSON.parse(logged({ error: new Error('broken') })).error.stack, /broken/)
    assert.equal(JSON.parse(logged({ error: { code: 'X', message: 'm', remedy: 'r' } })).error.remedy, 'r')
  })

  test('pretty, for people', () => {
    const text = logged({ registry: 'file/a' }, 'pretty')
    assert.match(text, /INFO: hello\n {4}registry: "file\/a"/)
  })
})
