import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Observable, of, Subject, throwError } from 'rxjs'
import { emptyResourceSet } from '#xds/resource-set.ts'
import type { Node, ResourceUpdate } from '#xds/resources.ts'
import { lingering } from '#xds/server/linger.ts'

const node = (id: string): Node => ({
  id,
  cluster: '',
  metadata: {},
  userAgentName: '',
  userAgentVersion: '',
})
const update: ResourceUpdate = { resources: emptyResourceSet, changed: 'all' }

test('polls of one node share what was made for the first; the last is let go in time, or at the end', (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'Date'] })
  let made = 0
  let open = 0
  const updates = new Subject<ResourceUpdate>()
  const source = lingering(
    {
      connect: () =>
        new Observable((subscriber) => {
          made++
          open++
          subscriber.next(update)
          const subscription = updates.subscribe(subscriber)
          return () => {
            open--
            subscription.unsubscribe()
          }
        }),
    },
    1000,
    2,
  )
  const poll = (id: string) => {
    const got: ResourceUpdate[] = []
    source
      .connect(node(id))
      .subscribe((each) => got.push(each))
      .unsubscribe()
    return got
  }
  assert.deepEqual([poll('a'), poll('a'), made, open], [[update], [update], 1, 1])
  const newer = { ...update }
  updates.next(newer)
  assert.equal(poll('a')[0], newer, 'kept up to date')
  t.mock.timers.tick(999)
  poll('a')
  t.mock.timers.tick(999)
  assert.equal(open, 1)
  t.mock.timers.tick(1)
  assert.equal(open, 0)

  for (const id of ['a', 'b', 'c']) poll(id)
  assert.equal(open, 2, 'no more than may be')
  source.close()
  assert.equal(open, 0)
  assert.deepEqual(poll('a'), [update])
  source.close()
})

test('a node that is refused is asked about again', () => {
  let asked = 0
  const source = lingering(
    { connect: () => (asked++ === 0 ? throwError(() => new Error('no')) : of(update)) },
    1000,
    2,
  )
  const said: unknown[] = []
  const watch = () =>
    source
      .connect(node('a'))
      .subscribe({ next: (u) => said.push(u), error: (e: Error) => said.push(e.message) })
  watch()
  watch()
  assert.deepEqual(said, ['no', update])
})
