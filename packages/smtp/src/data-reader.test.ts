import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { DotUnstuffer } from './data-reader.ts'

/** The octets after DATA, their content, whether they ended, and whether a CR or LF stood alone. */
const CASES: readonly { sent: string; content: string; ended?: boolean; bare?: boolean }[] = [
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
  // Some servers take each of these for the end of the data, so this one refuses them.
  { sent: 'a\n.\n', content: 'a\n.\n', bare: true },
  { sent: 'a\n.\r\n', content: 'a\n.\r\n', bare: true },
  { sent: 'a\r\n.\n', content: 'a\r\n\n', bare: true },
  { sent: 'a\r.\r', content: 'a\r.\r', bare: true },
  { sent: 'a\r.\r\n', content: 'a\r.\r\n', bare: true },
  { sent: 'a\r\n.\rb', content: 'a\r\nb', bare: true },
  { sent: 'a\r\n.\r\r\n', content: 'a\r\n\r\n', bare: true },
  { sent: 'a\r\n\n.\r\n', content: 'a\r\n\n.\r\n', bare: true },
  { sent: 'a\r\r\n.\r\n', content: 'a\r\r\n', ended: true, bare: true },
  { sent: 'a\n\r.\n\r', content: 'a\n\r.\n\r', bare: true },
  { sent: '\n.\r\n', content: '\n.\r\n', bare: true },
]

describe('dot stuffing', () => {
  for (const { sent, content, ended = false, bare = false } of CASES) {
    test(JSON.stringify(sent), () => {
      const whole = Buffer.from(sent, 'latin1')
      for (let size = 1; size <= whole.length; size++) {
        const result = unstuff(whole, size)
        // A lone CR after a dot is lost. Such content is refused as a whole.
        assert.equal(result.content.toString('latin1'), content, `in pieces of ${size}`)
        assert.deepEqual({ ended: result.ended, bare: result.bare }, { ended, bare }, `in pieces of ${size}`)
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
        return result.ended && !result.bare && result.content.toString('latin1') === content
      }),
      { seed: 452, numRuns: 1_000 },
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
  return { content: Buffer.concat(pieces), consumed, ended: unstuffer.ended, bare: unstuffer.bare }
}
