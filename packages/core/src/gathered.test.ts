import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gathered } from './gathered.ts'

const bytes = (text: string) => Buffer.from(text)

test('chunks become one piece, whatever their sizes', () => {
  for (const chunks of [[''], ['abc'], ['', 'a', '', 'bc'], ['a', 'b'.repeat(5000), 'c']]) {
    const gathered = new Gathered(8192, { bytes: 10_000 })
    for (const chunk of chunks) assert.equal(gathered.push(bytes(chunk)), true)
    assert.equal(gathered.length, chunks.join('').length)
    assert.equal(Buffer.from(gathered.take()).toString(), chunks.join(''))
    assert.equal(gathered.take().length, 0)
  }
})

test('what would be too much is not taken, and what was stays', () => {
  const gathered = new Gathered(4, { bytes: 10_000 })
  assert.deepEqual(
    [gathered.push(bytes('abc')), gathered.push(bytes('de')), gathered.push(bytes('d'))],
    [true, false, true],
  )
  assert.equal(Buffer.from(gathered.take()).toString(), 'abcd')
})

test('a chunk is copied, and may change afterwards', () => {
  const gathered = new Gathered(4, { bytes: 10_000 })
  const chunk = bytes('ab')
  for (const text of ['ab', 'cd']) {
    chunk.write(text)
    gathered.push(chunk)
  }
  chunk.write('no')
  assert.equal(Buffer.from(gathered.take()).toString(), 'abcd')
})

test('those who gather share a room, and give back what they took', () => {
  const room = { bytes: 5 }
  const [one, other] = [new Gathered(4, room), new Gathered(4, room)]
  assert.deepEqual([one.push(bytes('abc')), other.push(bytes('abc')), other.push(bytes('ab'))], [true, false, true])
  one.take()
  one.take()
  assert.equal(other.push(bytes('cd')), true)
  other.take()
  assert.deepEqual(room, { bytes: 5 })
})
