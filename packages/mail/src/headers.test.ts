import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { checkCustomHeaders, checkSubject } from './headers.ts'
import { MalformedError } from './malformed.ts'

describe('checkCustomHeaders', () => {
  test('passes what an application may set', () => {
    checkCustomHeaders({
      'X-Entity-Ref-ID': '1',
      'In-Reply-To': '<a@x.test>',
      References: '<a@x.test>\t<b@x.test>',
      'List-Unsubscribe': '<https://x.test/u>',
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
      'Auto-Submitted': 'auto-generated',
      'X-Note': 'schön',
    })
  })

  const refused = [
    { name: 'a structural field', headers: { From: 'a@x.test' } },
    { name: 'a structural field in other letters', headers: { bCC: 'a@x.test' } },
    { name: 'a MIME field', headers: { 'Content-Type': 'text/html' } },
    { name: 'a trace field', headers: { Received: 'from x' } },
    { name: 'a signature', headers: { 'DKIM-Signature': 'v=1' } },
    { name: 'an instruction to SES', headers: { 'X-SES-CONFIGURATION-SET': 'other' } },
    { name: 'a line break in a value', headers: { 'X-A': '1\r\nBcc: eve@x.test' } },
    { name: 'a bare LF in a value', headers: { 'X-A': '1\nBcc: eve@x.test' } },
    { name: 'a NUL in a value', headers: { 'X-A': '1\u00002' } },
    { name: 'a line break in a name', headers: { 'X-A: 1\r\nBcc': 'eve@x.test' } },
    { name: 'a colon in a name', headers: { 'X-A:': '1' } },
    { name: 'a space in a name', headers: { 'X A': '1' } },
    { name: 'an empty name', headers: { '': '1' } },
    { name: 'the same name twice', headers: { 'X-A': '1', 'x-a': '2' } },
    { name: 'a value past 8 Ki characters', headers: { 'X-A': 'a'.repeat(8193) } },
    { name: 'too many', headers: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`X-${i}`, '1'])) },
  ]
  for (const { name, headers } of refused) {
    test(`refuses ${name}`, () => assert.throws(() => checkCustomHeaders(headers), MalformedError))
  }

  for (const name of ['X-SMTPAPI', 'x-mc-bccaddress', 'X-Mailgun-Recipient-Variables', 'X-PM-Bcc', 'X-MSYS-API']) {
    test(`refuses ${name} where a relay would obey it`, () => {
      checkCustomHeaders({ [name]: '{}' })
      assert.throws(() => checkCustomHeaders({ [name]: '{}' }, false), MalformedError)
    })
  }

  test('a subject has no line break', () => {
    checkSubject('Grüße\tund mehr')
    assert.throws(() => checkSubject('a\r\nBcc: eve@x.test'), MalformedError)
  })
})
