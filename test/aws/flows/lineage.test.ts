import assert from 'node:assert/strict'
import { test } from 'node:test'
import { invoked, isLoop, lineageOf, lineageText } from '../lineage.ts'

test('a lineage goes from an invocation through a trace header to the next one', () => {
  const first = invoked([], 'notify')
  const header = `Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0;Lineage=${lineageText(first)}`
  const second = invoked([lineageOf(header), lineageOf('send:3')], 'notify')
  assert.deepEqual(Object.fromEntries(second), { notify: 2, send: 3 })
  assert.deepEqual([...lineageOf('Root=1-5bef4de7;Sampled=0')], [])
  assert.deepEqual([...lineageOf(undefined)], [])
})

test('the 17th invocation in a chain is a loop', () => {
  let lineage = invoked([], 'notify')
  for (let times = 1; times < 16; times++) {
    assert.equal(isLoop(lineage, 'notify'), false, `${times + 1} invocations`)
    lineage = invoked([lineage], 'notify')
  }
  assert.equal(isLoop(lineage, 'notify'), true)
  assert.equal(isLoop(lineage, 'send'), false)
})
