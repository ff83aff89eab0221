/** The API, SMTP and the settings have one rule for domain names: what one accepts, all accept, in the same form. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { recipientOwner } from '@kabutar/core/receiving/accept.ts'
import { readSettings } from '@kabutar/server/settings.ts'
import { readPath } from '@kabutar/smtp/path.ts'
import { call, setup } from '@kabutar/testing/http-rig.ts'

const VALID: readonly (readonly [text: string, name: string])[] = [
  ['shop.example', 'shop.example'],
  ['Shop.Example', 'shop.example'],
  ['my_shop.example', 'my_shop.example'],
  ['My_Shop.example', 'my_shop.example'],
  ['_mail.shop.example', '_mail.shop.example'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['BÜCHER.example', 'xn--bcher-kva.example'],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ['例子.example', 'xn--fsqu00a.example'],
  ['1.2.3.example', '1.2.3.example'],
  ['3com.example', '3com.example'],
  [`${'l'.repeat(63)}.example`, `${'l'.repeat(63)}.example`],
]
const INVALID: readonly string[] = [
  '1.2.3.4',
  '127.1',
  '[192.0.2.1]',
  '[IPv6:2001:db8::1]',
  '2001:db8::1',
  'shop.123',
  'shop..example',
  '.shop.example',
  'shop.example.',
  '-shop.example',
  'shop-.example',
  'shop example.test',
  'shop!.example',
  'xn--bücher.example',
  `${'l'.repeat(64)}.example`,
  `${`${'l'.repeat(60)}.`.repeat(4)}example.test`,
]

/** RCPT TO as the SMTP listener handles it: the account that owns the recipient's domain. */
const rcpt = (table: Parameters<typeof recipientOwner>[0], domain: string) =>
  recipientOwner(table, readPath(`<ada@${domain}>`, '5.1.3').path.address)

describe('a domain name', () => {
  for (const [text, name] of VALID) {
    test(`${text.slice(0, 40)} can be added, receives, and can be set`, async () => {
      const rig = await setup()
      const added = await call(rig, 'POST /domains', { name: text, capabilities: { receiving: 'enabled' } })
      assert.deepEqual([added.status, added.body.name], [201, name])
      rig.ports.identities.published.add(name)
      await call(rig, `POST /domains/${added.body.id}/verify`)
      assert.equal(await rcpt(rig.ports.table, text), 'a')
      assert.equal(await rcpt(rig.ports.table, name), 'a')
      assert.deepEqual(readSettings({ KABUTAR_DOMAINS: text }, []).domains, [name])
    })
  }

  for (const text of INVALID) {
    test(`${text.slice(0, 40)} is refused everywhere`, async () => {
      const rig = await setup()
      const added = await call(rig, 'POST /domains', { name: text, capabilities: { receiving: 'enabled' } })
      assert.deepEqual([added.status, added.body.name], [422, 'validation_error'])
      await assert.rejects(async () => rcpt(rig.ports.table, text))
      assert.throws(() => readSettings({ KABUTAR_DOMAINS: text }, []), /^SettingsError: KABUTAR_DOMAINS: /)
    })
  }
})
