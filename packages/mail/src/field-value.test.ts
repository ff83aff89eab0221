import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { asciiSubject, customValue } from './field-value.ts'
import { MalformedError } from './malformed.ts'

const word = (text: string) => `=?UTF-8?B?${Buffer.from(text).toString('base64')}?=`

describe('customValue', () => {
  const cases: readonly [name: string, value: string, wire: string][] = [
    ['X-SMTPAPI', '{"to":["a"],  "x":"=?y"}', '{"to":["a"],  "x":"=?y"}'],
    ['List-ID', '"My list" <l.x.test>', '"My list" <l.x.test>'],
    ['X-A', 'schön', word('schön')],
    ['X-A', 'größer < 5 & "so"', word('größer < 5 & "so"')],
    ['X-A', '<größe>', word('<größe>')],
    ['X-From', 'Jörg <j@x.test>', `${word('Jörg')} <j@x.test>`],
    ['X-From', '"Gęś, G" <g@x.test>, Bo <b@x.test>', `${word('Gęś, G')} <g@x.test>, Bo <b@x.test>`],
    ['X-From', 'Bo <b@x.test>, Jörg<j@x.test>', `Bo <b@x.test>, ${word('Jörg')} <j@x.test>`],
    ['X-From', 'Jörg <j@bücher.test>', `${word('Jörg')} <j@xn--bcher-kva.test>`],
    ['X-From', 'a <x@y.test>,\u00a0,Jörg ;\u2003', `a <x@y.test>, ${word('\u00a0,Jörg ;\u2003')}`],
    ['List-Unsubscribe', '<https://bücher.test/ü>', '<https://xn--bcher-kva.test/%C3%BC>'],
    ['References', '<a@x.test><b@x.test>', '<a@x.test> <b@x.test>'],
    ['X-Ids', '<a@x.test><b@x.test>', '<a@x.test><b@x.test>'],
  ]
  for (const [name, value, wire] of cases) {
    test(`${name}: ${value}`, () => assert.equal(customValue(name, value), wire))
  }

  test('is folded at its blanks, which stay', () => {
    const value = `${'x'.repeat(70)}  ${'y'.repeat(80)}\t${'z'.repeat(10)}`
    assert.equal(customValue('X-A', value), `${'x'.repeat(70)}\r\n  ${'y'.repeat(80)}\r\n\t${'z'.repeat(10)}`)
    assert.equal(customValue('X-A', value).replaceAll('\r\n', ''), value)
  })

  test('is refused if a line would have more than 998 characters', () => {
    assert.equal(customValue('X-A', 'x'.repeat(993)).length, 993)
    assert.throws(() => customValue('X-A', 'x'.repeat(994)), MalformedError)
    assert.throws(() => customValue('X-A', `ü <https://x.test/${'x'.repeat(1000)}>`), MalformedError)
    assert.ok(customValue('X-A', 'ü'.repeat(4000)))
  })

  test('takes a time that grows with its length', () => {
    for (const run of [' ', ', ', '"', '<', '=?']) {
      const start = process.cpuUsage()
      customValue('X-A', `é${run.repeat(200_000 / run.length)}é`)
      const { user, system } = process.cpuUsage(start)
      assert.ok(user + system < 1_000_000, JSON.stringify(run))
    }
  })

  test('has whole characters in each encoded word of 75 characters at most', () => {
    const value = '🕊ü'.repeat(200)
    const words = customValue('X-A', value).split('\r\n ')
    assert.ok(words.every((one) => one.length <= 75))
    assert.equal(words.map((one) => Buffer.from(one.slice(10, -2), 'base64').toString()).join(''), value)
  })
})

describe('asciiSubject', () => {
  test('is the subject as it was given', () => assert.equal(asciiSubject('Your "order" (7)'), 'Your "order" (7)'))
  test('leaves other subjects to the composer', () => assert.equal(asciiSubject('Grüße'), undefined))
  test('encodes what a reader would decode', () => assert.equal(asciiSubject('=?utf-8?q?x?='), word('=?utf-8?q?x?=')))
  test('encodes a long one that has no blanks', () => {
    const lines = asciiSubject('S'.repeat(1500))?.split('\r\n') ?? []
    assert.ok(lines.length > 1 && lines.every((line) => line.length <= 76))
  })
})
