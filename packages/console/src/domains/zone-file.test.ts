import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zoneFile } from './zone-file.ts'

test('records become lines of a zone file with absolute names', () => {
  const lines = zoneFile([
    { record: 'DKIM', type: 'CNAME', name: 'a._domainkey.shop.test', value: 'a.dkim.test' },
    { record: 'SPF', type: 'MX', name: 'send.shop.test', value: 'feedback.test', priority: 10 },
    { record: 'DMARC', type: 'TXT', name: '_dmarc.shop.test', value: 'v=DMARC1; p="none"' },
  ])
  assert.equal(
    lines,
    'a._domainkey.shop.test.\tIN\tCNAME\ta.dkim.test.\n' +
      'send.shop.test.\tIN\tMX\t10 feedback.test.\n' +
      '_dmarc.shop.test.\tIN\tTXT\t"v=DMARC1; p=\\"none\\""\n',
  )
})

test('a long text is cut into strings of at most 255 octets', () => {
  const line = zoneFile([{ record: 'DKIM', type: 'TXT', name: 'k.test', value: 'x'.repeat(300) }])
  assert.equal(line, `k.test.\tIN\tTXT\t"${'x'.repeat(255)}" "${'x'.repeat(45)}"\n`)
})
