/** Names and collections of the form xdstp://. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { typeUrls } from '#xds/type-urls.ts'
import { collectionOf, isCollection, normalName } from '#xds/xdstp.ts'
import { type Protocol, r, scene, subscribe } from './scene.ts'

const { cluster: CDS, endpoint: EDS } = typeUrls
const name = (id: string): string => `xdstp://pilot/envoy.config.cluster.v3.Cluster/${id}`

test('names: context parameters in order, other names as they are', () => {
  for (const [given, normal] of [
    [name('a?z=1&b=2&a=3'), name('a?a=3&b=2&z=1')],
    [name('a'), name('a')],
    ['a?z=1&b=2', 'a?z=1&b=2'],
  ] as const)
    assert.equal(normalName(given), normal)
  assert.equal(r(CDS, name('a?b=1&a=1')).name, name('a?a=1&b=1'))
})

test('collections: one level, with the same context', () => {
  for (const [member, collection] of [
    [name('foo/a'), name('foo/*')],
    [name('foo/bar/a'), name('foo/bar/*')],
    [name('a'), name('*')],
    [name('foo/a?x=1/2'), name('foo/*?x=1/2')],
    [name('foo/*'), undefined],
    ['foo/a', undefined],
  ] as const)
    assert.equal(collectionOf(member), collection)
  assert.deepEqual(
    [name('foo/*'), name('foo/*?x=1'), name('foo/a'), name('foo/a*'), 'foo/*', '*'].filter(isCollection),
    [name('foo/*'), name('foo/*?x=1')],
  )
})

/** Each resource says its name, without the part that all have. */
const named = (id: string, value = '') => r(CDS, name(id), `${id}${value}`)

/** Names and contents without what all have. */
function play(protocol: Protocol) {
  const it = scene(protocol)
  return {
    ...it,
    delta: protocol === 'delta',
    subscribe: (...ids: string[]) => it.request(CDS, subscribe[protocol](...ids.map(name))),
    ack: () => it.answer(CDS),
    put: (...ids: string[]) => it.source.update('*', ...ids.map((id) => named(id))),
    /** In state of the world all that there is each time, in delta what changed. */
    said(delta: string, sotw: string) {
      const [message] = it.log.splice(0)
      const plain = message?.replaceAll(name(''), '').replaceAll('bare=', '').replace(/\S+=/g, '')
      assert.equal(plain, `cds: ${protocol === 'delta' ? delta : sotw}`.trim())
    },
    silent: () => assert.deepEqual(it.log, []),
  }
}

for (const protocol of ['delta', 'sotw'] as const)
  describe(`${protocol}: a glob collection`, () => {
    test('is what is in it, and what comes, changes and goes', () => {
      const it = play(protocol)
      it.put('foo/a', 'foo/b', 'foo/bar/c', 'other/d', 'foo/e?x=1')
      it.source.update('*', r(CDS, 'plain', 'plain'))
      it.subscribe('foo/*')
      it.said('foo/a foo/b', 'foo/a foo/b')
      it.ack()
      it.put('foo/f', 'other/g')
      it.said('foo/f', 'foo/a foo/b foo/f')
      it.ack()
      it.source.update('*', named('foo/a', '!'))
      it.said('foo/a!', 'foo/a! foo/b foo/f')
      it.ack()
      it.source.remove('*', CDS, name('foo/b'))
      it.said('-foo/b', 'foo/a! foo/f')
      it.ack()
      it.put('other/h', 'foo/bar/i')
      it.silent()
    })

    test('with context parameters in any order', () => {
      const it = play(protocol)
      it.put('foo/a', 'foo/b?y=2&x=1', 'foo/c?x=1')
      it.subscribe('foo/*?y=2&x=1')
      const [message] = it.log.splice(0)
      assert.match(message ?? '', /^cds: [^ ]*foo\/b\?y=2&x=1$/)
    })

    test('that is empty does not exist, until something is in it', () => {
      const it = play(protocol)
      it.subscribe('foo/*')
      it.said('-foo/*', '!foo/* 5 there is no such resource')
      it.ack()
      it.put('foo/a')
      it.said('foo/a', 'foo/a')
    })

    test('is not left by the end of a name in it, and leaves a name behind', () => {
      const it = play(protocol)
      it.put('foo/a', 'foo/b')
      it.subscribe('foo/*', 'foo/a')
      it.said('foo/a foo/b', 'foo/a foo/b')
      it.ack()
      it.source.update('*', named('foo/a', '!'), named('foo/b', '!'))
      it.said('foo/a! foo/b!', 'foo/a! foo/b!')
      it.ack()
      if (it.delta) {
        it.request(CDS, { resourceNamesUnsubscribe: [name('foo/a')] })
        it.said('foo/a!', '')
        it.ack()
        it.request(CDS, {
          resourceNamesSubscribe: [name('foo/a')],
          resourceNamesUnsubscribe: [name('foo/*')],
        })
        it.said('foo/a!', '')
      } else {
        it.request(CDS, { resourceNames: [name('foo/a')], responseNonce: 's-2' })
        it.log.length = 0
      }
      it.ack()
      it.source.update('*', named('foo/b', '?'))
      it.silent()
      it.source.update('*', named('foo/a', '?'))
      it.said('foo/a?', 'foo/a?')
    })

    test('that is added later, to names and to another', () => {
      const it = play(protocol)
      it.put('foo/a', 'bar/b', 'c')
      it.subscribe('c')
      it.said('c', 'c')
      it.ack()
      const all = ['c', 'foo/*', 'bar/*'].map(name)
      it.request(
        CDS,
        it.delta ? { resourceNamesSubscribe: all.slice(1) } : { resourceNames: all, responseNonce: 's-1' },
      )
      it.said('bar/b foo/a', 'bar/b c foo/a')
      it.ack()
      it.put('foo/d')
      it.said('foo/d', 'bar/b c foo/a foo/d')
    })
  })

test('"*" after a collection: only what is new, and what has gone', () => {
  const it = play('delta')
  it.put('foo/a', 'foo/b', 'c')
  it.subscribe('foo/*')
  it.said('foo/a foo/b', '')
  it.source.remove('*', CDS, name('foo/b'))
  it.request(CDS, { resourceNamesSubscribe: ['*'] })
  it.ack()
  it.said('c -foo/b', '')
})

test('no empty resource stands for a collection', () => {
  const it = scene('delta', { missing: (typeUrl, id) => r(typeUrl, id, 'empty') })
  it.request(EDS, subscribe.delta('xdstp://pilot/e/*'))
  it.said('eds: -xdstp://pilot/e/*')
})

describe('delta: who comes back with members of a collection', () => {
  test('is told what differs, and what is gone', () => {
    const it = play('delta')
    it.put('foo/a', 'foo/b', 'foo/new')
    it.request(CDS, {
      resourceNamesSubscribe: [name('foo/*')],
      initialResourceVersions: {
        [name('foo/a')]: named('foo/a').version,
        [name('foo/b')]: 'older',
        [name('foo/gone')]: '1',
      },
    })
    it.said('foo/b foo/new -foo/gone', '')
  })
})

test('the status counts members, and names the collection', () => {
  const it = play('delta')
  it.put('foo/a', 'foo/b')
  it.subscribe('foo/*')
  it.ack()
  const [cds] = it.status()
  assert.equal(cds?.resourceCount, 2)
  assert.deepEqual(cds?.names(), [name('foo/*')])
  assert.deepEqual(
    [...cds!.resources()].map((each) => [each.name, each.state]),
    [
      [name('foo/a'), 'ACKED'],
      [name('foo/b'), 'ACKED'],
    ],
  )
})

test('endpoints by xdstp name: a name like any other, in normal order', () => {
  const it = scene('delta')
  it.source.update('*', r(EDS, 'xdstp://pilot/e/a?a=1&b=2'))
  it.request(EDS, subscribe.delta('xdstp://pilot/e/a?b=2&a=1'))
  it.said('eds: xdstp://pilot/e/a?a=1&b=2=1')
})
