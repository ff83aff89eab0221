import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Arrived } from './arrived.ts'

const MAX_LINE_BYTES = 512

function arrivedOf(...pieces: readonly (string | Uint8Array)[]): Arrived {
  const arrived = new Arrived(MAX_LINE_BYTES)
  for (const piece of pieces) arrived.push(Buffer.from(piece))
  return arrived
}

/** Every line there is, as a connection asks for them. */
function linesOf(arrived: Arrived): string[] {
  const lines: string[] = []
  for (;;) {
    const line = arrived.line()
    if (line !== undefined) lines.push(line.toString())
    else if (!arrived.next()) return lines
  }
}

describe('what has arrived', () => {
  test('is the same lines in whatever pieces', () => {
    const text = `one\r\n\r\n${'x'.repeat(400)}\r\nfour\r\n`
    const lines = text.split('\r\n').slice(0, -1)
    for (let bytes = 1; bytes < text.length; bytes += 7) {
      const pieces = text.match(new RegExp(`[^]{1,${bytes}}`, 'g')) ?? []
      assert.deepEqual(linesOf(arrivedOf(...pieces)), lines, `${bytes} at a time`)
      const waiting = arrivedOf()
      const found = pieces.flatMap((piece) => {
        waiting.push(Buffer.from(piece))
        const whole = linesOf(waiting)
        waiting.shrink()
        return whole
      })
      assert.deepEqual(found, lines, `${bytes} at a time, waited for`)
    }
  })

  test('is a copy', () => {
    const octets = Buffer.from('mine\r\n'.repeat(1000))
    const arrived = arrivedOf()
    arrived.push(octets)
    octets.fill('y')
    assert.ok(linesOf(arrived).every((line) => line === 'mine'))
  })

  test('half a line holds no more memory than a few times its own, whatever it came with', () => {
    for (const before of ['', 'EHLO x\r\n', 'NOOP\r\n'.repeat(2500)]) {
      const arrived = arrivedOf(`${before}QU`)
      linesOf(arrived)
      arrived.shrink()
      for (const octet of ['I', 'T', '\r', '\n']) {
        arrived.push(Buffer.from(octet))
        arrived.next()
        arrived.shrink()
      }
      const line = arrived.line()
      assert.equal(line?.toString(), 'QUIT')
      assert.ok(line.buffer.byteLength <= 32, `${line.buffer.byteLength} octets`)
    }
  })

  test('memory of a chunk is given back once the next is asked for, and not before', () => {
    const arrived = arrivedOf('a'.repeat(2000), 'b'.repeat(2000))
    arrived.next()
    const first = arrived.chunk()
    assert.equal(first?.length, 2000)
    arrived.spent()
    arrived.next()
    assert.equal(first.length, 0)
    const second = arrived.chunk()
    arrived.forget()
    assert.equal(second?.toString(), 'b'.repeat(2000), 'it is in use')
  })

  test('the end of a chunk can be read again', () => {
    const arrived = arrivedOf('content\r\n.\r\nQUIT\r\n')
    arrived.next()
    const chunk = arrived.chunk()
    arrived.unread(chunk?.subarray(12) ?? Buffer.alloc(0))
    assert.deepEqual(linesOf(arrived), ['QUIT'])
  })
})
