import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lineWriter } from '#telemetry/stdout.ts'

const failing = (code: string) => Object.assign(new Error(code), { code })

test('a full disk costs lines, and says so when there is space again', () => {
  let full = true
  let text = ''
  const out = lineWriter(1, (_fd, bytes) => {
    if (full) throw failing('ENOSPC')
    text += Buffer.from(bytes).toString()
    return bytes.length
  })
  out.write('one\n')
  out.write('two\n')
  full = false
  out.write('three\n')
  out.write('four\n')
  assert.match(text, /^\{"level":"warn","lost":2,.*\}\nthree\nfour\n$/)
})

test('a reader that stopped gets the rest of its line first, and never half of one', () => {
  let room = 2
  let text = ''
  const out = lineWriter(1, (_fd, bytes) => {
    if (room === 0) throw failing('EAGAIN')
    const taken = bytes.subarray(0, room)
    room -= taken.length
    text += Buffer.from(taken).toString()
    return taken.length
  })
  out.write('first\n')
  out.write('lost\n')
  room = 1000
  out.write('third\n')
  assert.match(text, /^first\n\{.*"lost":1,.*\}\nthird\n$/)
})
