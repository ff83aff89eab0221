import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { DotUnstuffer } from './data-reader.ts'

/** The octets after DATA, their content, and whether they ended. */
const CASES: readonly { sent: string; content: string; ended?: boolean }[] = [
  { sent: '.\r\n', content: '', ended: true },
  { sent: 'a\r\n.\r\n', content: 'a\r\n', ended: true },
  { sent: '\r\n.\r\n', content: '\r\n', ended: true },
  { sent: '..\r\n.\r\n', content: '.\r\n', ended: true },
  { sent: 'a\r\n..b\r\n.\r\n', content: 'a\r\n.b\r\n', ended: true },
  { sent: 'a\r\n...\r\n.\r\n', content: 'a\r\n..\r\n', ended: true },
  { sent: 'a\r\n.b\r\n.\r\n', content: 'a\r\nb\r\n', ended: true },
  { sent: 'a.\r\n.\r\n', content: 'a.\r\n', ended: true },
  { sent: 'a\0\x80\xff\r\n.\r\n', content: 'a\0\x80\xff\r\n', ended: true },
  { sent: 'a\r\n.', content: 'a\r\n' },
  { sent: 'a\r\n.\r', content: 'a\r\n' },
  { sent: 'a\r', content: 'a' },
  // Bare LFs are line ends, bare CRs are blanks.
  { sent: 'a\nb\r\n.\r\n', content: 'a\r\nb\r\n', ended: true },
  { sent: '\n\n\n\r\n.\r\n', content: '\r\n\r\n\r\n\r\n', ended: true },
  { sent: 'a\rb\r\n.\r\n', content: 'a b\r\n', ended: true },
  { sent: 'a\r\r\nb\r\n.\r\n', content: 'a \r\nb\r\n', ended: true },
  { sent: 'a\n..b\r\n.\r\n', content: 'a\r\n.b\r\n', ended: true },
  { sent: 'a\r\r\n.\r\n', content: 'a \r\n', ended: true },
  { sent: 'a\n\r\n.\r\n', content: 'a\r\n\r\n', ended: true },
  // Some servers take each of these for the end of the data. This one goes on.
  { sent: 'a\n.\n', content: 'a\r\n\r\n' },
  { sent: 'a\n.\r\n', content: 'a\r\n\r\n' },
  { sent: 'a\r\n.\n', content: 'a\r\n\r\n' },
  { sent: 'a\r.\r', content: 'a .' },
  { sent: 'a\r.\r\n', content: 'a .\r\n' },
  { sent: 'a\r\n.\rb', content: 'a\r\n b' },
  { sent: 'a\r\n.\r\r\n', content: 'a\r\n \r\n' },
  { sent: 'a\r\n\n.\r\n', content: 'a\r\n\r\n\r\n' },
  { sent: 'a\n\r.\n\r', content: 'a\r\n .\r\n' },
  { sent: '\n.\r\n', content: '\r\n\r\n' },
]

describe('dot stuffing', () => {
  for (const { sent, content, ended = false } of CASES) {
    test(JSON.stringify(sent), () => {
      const whole = Buffer.from(sent, 'latin1')
      for (let size = 1; size <= whole.length; size++) {
        const result = unstuff(whole, size)
        assert.equal(result.content.toString('latin1'), content, `in pieces of ${size}`)
        assert.equal(result.ended, ended, `in pieces of ${size}`)
      }
    })
  }

  test('what follows the end is not read', () => {
    assert.equal(unstuff(Buffer.from('a\r\n.\r\nQUIT\r\n'), 100).consumed, 6)
  })

  test('content of CRLF lines comes back as it was, in whatever pieces', () => {
    const line = fc.string({ unit: fc.constantFrom('.', 'a', 'b', '\0', '\xff'), maxLength: 5 })
    fc.assert(
      fc.property(fc.array(line), fc.integer({ min: 1, max: 20 }), (lines, size) => {
        const content = lines.map((each) => `${each}\r\n`).join('')
        const sent = Buffer.from(`${content.replace(/^\./gm, '..')}.\r\n`, 'latin1')
        const result = unstuff(sent, size)
        return result.ended && result.content.toString('latin1') === content
      }),
      { seed: 452, numRuns: 1_000 },
    )
  })

  test('no content has a bare CR or LF, whatever comes in whatever pieces', () => {
    const octets = fc.array(fc.constantFrom('.', 'a', '\r', '\n', '\r\n'), { maxLength: 30 })
    fc.assert(
      fc.property(octets, fc.integer({ min: 1, max: 20 }), (parts, size) => {
        const sent = Buffer.from(`${parts.join('')}\r\n.\r\n`)
        const { content, ended } = unstuff(sent, size)
        return ended && !/\r(?!\n)|(?<!\r)\n/.test(content.toString())
      }),
      { seed: 5321, numRuns: 2_000 },
    )
  })
})

function unstuff(whole: Buffer, size: number) {
  const unstuffer = new DotUnstuffer()
  const pieces: Buffer[] = []
  let consumed = 0
  while (consumed < whole.length && !unstuffer.ended) {
    const { content, used } = unstuffer.push(Buffer.from(whole.subarray(consumed, consumed + size)))
    pieces.push(content)
    consumed += used
  }
  return { content: Buffer.concat(pieces), consumed, ended: unstuffer.ended }
}
