import assert from 'node:assert/strict'
import { createHash, createPublicKey, createVerify } from 'node:crypto'
import { after, describe, test } from 'node:test'
import { directCompute } from '@kabutar/core/ports/compute.ts'
import { identitiesContract } from '@kabutar/core/ports/identities.contract.ts'
import type { DomainRecord, Identity } from '@kabutar/core/ports/identities.ts'
import type { Relay } from '@kabutar/core/ports/relay.ts'
import { startDnsServer } from '../../../../test/flows/support/dns-server.ts'
import { dnsRecords } from '../dns.ts'
import { signedRelay } from '../relay/signed.ts'
import { memoryEngine } from '../sqlite/engine.ts'
import { sqliteTable } from '../sqlite/table.ts'
import { systemClock } from '../system-clock.ts'
import { dkimKeyOf } from './dkim-keys.ts'
import { localIdentities } from './identities.ts'

const dns = await startDnsServer()
after(() => dns[Symbol.asyncDispose]())
const table = sqliteTable(memoryEngine(), systemClock)
const identities = localIdentities({ table, records: dnsRecords(dns.address), hostname: 'mx.kabutar.test' })

function publish(_domain: string, records: readonly DomainRecord[]): void {
  for (const { type, name, value, priority = 0 } of records) {
    if (type === 'MX') dns.mx.set(name, { exchange: value, priority })
    else dns.txt.set(name, [...(dns.txt.get(name) ?? []), value])
  }
}

identitiesContract('the embedded engine', async () => ({ identities, publish }))

describe('a key of our own', () => {
  const create = (domain: string) => identities.create(domain, { accountId: 'a', returnPath: 'send' })
  const dkim = ({ records }: Identity) => records.find(({ record }) => record === 'DKIM')

  const spellings: readonly { name: string; spell(value: string): string; status: string }[] = [
    { name: 'as it was shown', spell: (value) => value, status: 'verified' },
    {
      name: 'with other white space and order',
      spell: (v) => `v=DKIM1;${v.slice(16)} ; k=rsa`.replace(/(.{100})/g, '$1 '),
      status: 'verified',
    },
    { name: 'of somebody else', spell: (value) => value.replace(/.{4}$/, 'AAAA'), status: 'pending' },
    { name: 'without a key', spell: () => 'v=DKIM1; p=', status: 'pending' },
  ]
  for (const [n, { name, spell, status }] of spellings.entries()) {
    test(`published ${name}: ${status}`, async () => {
      const domain = `key-${n}.test`
      const shown = dkim(await create(domain))
      dns.txt.set(shown?.name ?? '', ['something else', spell(shown?.value ?? '')])
      assert.equal((await identities.status(domain))?.status, status)
    })
  }

  test('missing SPF and MX records do not keep a domain from being verified', async () => {
    const { records } = await create('spf.test')
    publish(
      'spf.test',
      records.filter(({ record }) => record !== 'DKIM'),
    )
    const looked = await identities.status('spf.test')
    assert.deepEqual(
      looked?.records.map(({ record, status }) => [record, status]),
      [
        ['DKIM', 'pending'],
        ['SPF', 'verified'],
        ['Receiving', 'verified'],
      ],
    )
    assert.equal(looked?.status, 'pending')
  })

  test('a failing name server is a temporary failure', async () => {
    await create('broken.test')
    dns.broken = true
    assert.equal((await identities.status('broken.test'))?.status, 'temporary_failure')
    dns.broken = false
    assert.equal((await identities.status('broken.test'))?.status, 'pending')
  })
})

describe('DKIM signatures', () => {
  const sent: Uint8Array[] = []
  const inner: Relay = {
    limits: { maxRawBytes: 1e6, maxRecipients: 10 },
    async send(_envelope, raw) {
      sent.push(raw)
      return { relayId: '', outcome: 'sent', rejected: [] }
    },
  }
  const relay = signedRelay(inner, directCompute, (domain) => dkimKeyOf(table, domain))
  const RAW = Buffer.from(
    'From: Ada <ada@signed.test>\r\nTo: bob@far.test\r\nSubject: a  folded\r\n subject\r\nMessage-ID: <1@signed.test>\r\n\r\nHello \t there. \r\n.\r\n\r\n\r\n',
  )
  const send = (domain: string) =>
    relay.send({ returnPath: `b@${domain}`, recipients: ['bob@far.test'] }, RAW, { messageId: `<1@${domain}>` })

  test('are made with the domain’s key, verify, and are equal when made twice', async () => {
    const { records } = await identities.create('signed.test', { accountId: 'a', returnPath: 'send' })
    await send('signed.test')
    await send('signed.test')
    const [first = new Uint8Array(), second] = sent.splice(0)
    assert.ok(Buffer.from(first).equals(second ?? new Uint8Array()))
    assert.ok(Buffer.from(first).subarray(-RAW.length).equals(RAW))
    assert.ok(verifies(Buffer.from(first).toString('latin1'), records[0]?.value ?? ''))
    assert.ok(!verifies(Buffer.from(first).toString('latin1').replace('a  folded', 'another'), records[0]?.value ?? ''))
  })

  test('are left out if the domain has no key', async () => {
    await send('unsigned.test')
    assert.ok(Buffer.from(sent[0] ?? new Uint8Array()).equals(RAW))
  })
})

/** RFC 6376 section 3.4.2 and 3.4.4, written from there and not with the library that signs. */
function verifies(raw: string, record: string): boolean {
  const [head = '', ...rest] = raw.split('\r\n\r\n')
  const fields = head
    .replace(/\r\n(?=[ \t])/g, '')
    .split('\r\n')
    .map((field) => {
      const colon = field.indexOf(':')
      return [
        field.slice(0, colon).toLowerCase(),
        field
          .slice(colon + 1)
          .replace(/[ \t]+/g, ' ')
          .trim(),
      ] as const
    })
  const signature = fields.find(([name]) => name === 'dkim-signature')?.[1] ?? ''
  const tag = (name: string) => new RegExp(`(?:^|; ?)${name}=([^;]*)`).exec(signature)?.[1] ?? ''
  const names = tag('h').replace(/ /g, '').split(':')
  const signedFields = names.map((name) => `${name}:${fields.findLast(([one]) => one === name)?.[1]}\r\n`)
  const bare = `dkim-signature:${signature.replace(/(; ?b=).*$/, '$1')}`
  const lines = rest
    .join('\r\n\r\n')
    .split('\r\n')
    .map((line) => line.replace(/[ \t]+/g, ' ').trimEnd())
  const body = `${lines.join('\r\n').replace(/(\r\n)*$/, '')}\r\n`
  const key = createPublicKey({ key: Buffer.from(record.split('p=')[1] ?? '', 'base64'), type: 'spki', format: 'der' })
  assert.equal(tag('bh').replace(/ /g, ''), createHash('sha256').update(body, 'latin1').digest('base64'))
  const verifier = createVerify('RSA-SHA256').update(`${signedFields.join('')}${bare}`, 'latin1')
  return verifier.verify(key, tag('b').replace(/ /g, ''), 'base64')
}
