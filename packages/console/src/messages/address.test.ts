import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bareAddress, nameOf } from './address.ts'

const CASES: readonly (readonly [written: string, name: string, bare: string])[] = [
  ['ada@x.test', 'ada@x.test', 'ada@x.test'],
  ['<ada@x.test>', 'ada@x.test', 'ada@x.test'],
  ['Ada <ada@x.test>', 'Ada', 'ada@x.test'],
  [' "Ada, L." <ada@x.test> ', 'Ada, L.', 'ada@x.test'],
  ['"a <b> c" <ada@x.test>', 'a <b> c', 'ada@x.test'],
  ['Ada <ada@x.test', 'Ada <ada@x.test', 'Ada <ada@x.test'],
]

for (const [written, name, bare] of CASES) {
  test(`${written} has a name and an address`, () =>
    assert.deepEqual([nameOf(written), bareAddress(written)], [name, bare]))
}

test('an address of 64 KB is read at once', () => {
  for (const piece of [' ', '"', '<', '<>', '" ']) {
    const address = `a${piece.repeat((64 * 1024) / piece.length)}x`
    const start = performance.now()
    bareAddress(address)
    nameOf(`${address}<a@x.test>`)
    assert.ok(performance.now() - start < 1000, piece)
  }
})
