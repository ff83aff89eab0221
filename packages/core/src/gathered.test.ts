import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gathered } from './gathered.ts'

const bytes = (text: string) => Buffer.from(text)

test('chunks become one piece, whatever their sizes', () => {
  for (const chunks of [[''], ['abc'], ['', 'a', '', 'bc'], ['a', 'b'.repeat(5000), 'c']]) {
    const gathered = new Gathered(8192)
    for (const chunk of chunks) assert.equal(gathered.push(bytes(chunk)), true)
    assert.equal(gathered.length, chunks.join('').length)
    assert.equal(Buffer.from(gathered.take()).toString(), chunks.join(''))
    assert.equal(gathered.take().length, 0)
  }
})

test('what would be too much is not taken, and what was stays', () => {
  const gathered = new Gathered(4)
  assert.deepEqual(
    [gathered.push(bytes('abc')), gathered.push(bytes('de')), gathered.push(bytes('d'))],
    [true, false, true],
  )
  assert.equal(Buffer.from(gathered.take()).toString(), 'abcd')
})

test('the only chunk is not copied', () => {
  const gathered = new Gathered(4)
  const chunk = bytes('abc')
  gathered.push(chunk)
  assert.equal(gathered.take(), chunk)
})
