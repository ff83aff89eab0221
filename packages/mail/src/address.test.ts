import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { composedFaults, roundTrips } from './address.contract.ts'
import { formatMailbox, parseAddress, parseMailbox } from './address.ts'
import { MalformedError } from './malformed.ts'

describe('parseMailbox', () => {
  const valid = [
    { text: 'ada@x.test', name: '', address: 'ada@x.test' },
    { text: 'Ada Lovelace <ada@X.Test>', name: 'Ada Lovelace', address: 'ada@x.test' },
    { text: '"Lovelace, Ada" <ada+tag@x.test>', name: 'Lovelace, Ada', address: 'ada+tag@x.test' },
    { text: 'Ädä <ada@bücher.test>', name: 'Ädä', address: 'ada@xn--bcher-kva.test' },
    { text: '<ada@x.test>', name: '', address: 'ada@x.test' },
    { text: "o'brien=x!#$%&*/?^_`{|}~-@x.test", name: '', address: "o'brien=x!#$%&*/?^_`{|}~-@x.test" },
    { text: ' ada@x.test\n', name: '', address: 'ada@x.test' },
    { text: 'Acme (Sales) <ada@x.test>', name: 'Acme (Sales)', address: 'ada@x.test' },
    { text: 'Acme: Sales; EU <ada@x.test>', name: 'Acme: Sales; EU', address: 'ada@x.test' },
    { text: 'Acme, Inc. <ada@x.test>', name: 'Acme, Inc.', address: 'ada@x.test' },
    { text: 'Meet @ 5, Ada <ada@x.test>', name: 'Meet @ 5, Ada', address: 'ada@x.test' },
    { text: 'Ada <3 <ada@x.test>', name: 'Ada <3', address: 'ada@x.test' },
    { text: '<Ada> <ada@x.test>', name: '<Ada>', address: 'ada@x.test' },
    { text: 'AC\\DC <ada@x.test>', name: 'AC\\DC', address: 'ada@x.test' },
    { text: '"Ada "L" X" <ada@x.test>', name: 'Ada L X', address: 'ada@x.test' },
    { text: '5" pipe <ada@x.test>', name: '5" pipe', address: 'ada@x.test' },
    { text: '"ada@y.test" <ada@x.test>', name: 'ada@y.test', address: 'ada@x.test' },
    { text: 'Ada<ada@x.test>', name: 'Ada', address: 'ada@x.test' },
    { text: 'a..b@x.test', name: '', address: '"a..b"@x.test' },
    { text: 'ada.@x.test', name: '', address: '"ada."@x.test' },
    { text: '.ada@x.test', name: '', address: '".ada"@x.test' },
    { text: '"a..b"@x.test', name: '', address: '"a..b"@x.test' },
    { text: '"ada"@x.test', name: '', address: 'ada@x.test' },
    { text: '"a b"@x.test', name: '', address: '"a b"@x.test' },
    { text: '"a\\"b\\\\"@x.test', name: '', address: '"a\\"b\\\\"@x.test' },
    { text: 'Ada <"x <y@z.test> "@x.test>', name: 'Ada', address: '"x <y@z.test> "@x.test' },
    { text: `${'a'.repeat(64)}@x.test`, name: '', address: `${'a'.repeat(64)}@x.test` },
  ]
  for (const { text, name, address } of valid) {
    test(`takes ${text}`, () => assert.deepEqual(parseMailbox(text), { name, address }))
  }

  const invalid = [
    '',
    'ada',
    '@x.test',
    'ada@',
    'ada@x',
    'ada@x..test',
    'ada@-x.test',
    'a da@x.test',
    'ada@x.test, bob@x.test',
    'friends: ada@x.test, bob@x.test;',
    'ada@x.test\r\nBcc: eve@x.test',
    'Ada\r\n <ada@x.test>',
    'Ada\u0000 <ada@x.test>',
    'ädä@x.test',
    '""@x.test',
    'a "b"@x.test',
    '"a"b"@x.test',
    '"ädä"@x.test',
    'Ada <ada@x.test>, Bob <bob@x.test>',
    'ada@x.test, Bob <bob@x.test>',
    'ada@x.test; Bob <bob@x.test>',
    'friends: ada@x.test, Bob <bob@x.test>',
    'Ada <>',
    'Ada <ada>',
    'Ada <ada@x.test> (home)',
    `${'a'.repeat(65)}@x.test`,
    `ada@${'a.'.repeat(127)}test`,
    `${'n'.repeat(2000)} <ada@x.test>`,
    'ada@[127.0.0.1]',
  ]
  for (const text of invalid) {
    test(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => assert.throws(() => parseMailbox(text), MalformedError))
  }

  test('what formatMailbox writes is read back', () => {
    for (const { text } of valid) {
      const mailbox = parseMailbox(text)
      assert.deepEqual(parseMailbox(formatMailbox(mailbox)), mailbox)
    }
    assert.equal(formatMailbox({ name: 'a "b" \\ c', address: 'a@x.test' }), '"a \\"b\\" \\\\ c" <a@x.test>')
    assert.equal(formatMailbox({ name: 'Mail, Inc.', address: '' }), 'Mail, Inc.')
    assert.equal(formatMailbox({ name: 'jo@x.test', address: '' }), '"jo@x.test"')
  })
})

const secondsOf = (work: () => unknown) => {
  const start = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1_000_000
}

test('an address takes a time that grows with its length', () => {
  const local = 'a'.repeat(29)
  for (const text of [`${local}(@x.test`, `${local}.(@x.test`, `"${local}@x.test`, `<${local}(@x.test>`]) {
    assert.ok(secondsOf(() => assert.throws(() => parseMailbox(text), MalformedError)) < 0.5, text)
  }
  const million = 'a'.repeat(1_000_000)
  for (const text of [`${million}@x.test`, `a@${million}`, `a@é${million}`, `"${'\\a'.repeat(500_000)}"@x.test`]) {
    assert.ok(secondsOf(() => assert.throws(() => parseAddress(text), MalformedError)) < 0.5, text.slice(0, 20))
  }
})

const TRIES = Number(process.env.ADDRESS_TRIES ?? 40_000)

test('random text is refused, or is a mailbox that is written and read back the same', async (t) => {
  const { taken, faults } = roundTrips(TRIES, 1)
  t.diagnostic(`${TRIES} texts, ${taken.length} are mailboxes`)
  assert.deepEqual(faults, [])
  assert.ok(taken.length > TRIES / 10)
  assert.deepEqual(await composedFaults(taken.slice(0, 100)), [])
})
