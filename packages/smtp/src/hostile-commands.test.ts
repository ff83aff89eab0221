/** Commands of strangers, each on a connection of its own: what is answered, and that none brings a message or ends the server. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Client } from '@kabutar/testing/smtp-client.ts'
import { start } from '@kabutar/testing/smtp-server.ts'

/** What follows `MAIL FROM:`, and the reply. */
const MAIL: readonly (readonly [form: string, reply: RegExp])[] = [
  ['<a@mx.test>', /^250 2\.1\.0 /],
  ['<"a\\\r\n"@x.test>', /^501 5\.1\.7 /],
  ['<a@x.test> SIZE=99999999999', /^552 5\.3\.4 /],
  ['<a@x.test> SIZE=-1', /^501 5\.5\.4 /],
  ['<a@x.test> SIZE=1e9', /^501 5\.5\.4 /],
  ['<a@x.test> BODY=BINARYMIME', /^501 5\.5\.4 /],
  ['<a@x.test> AUTH=<>', /^250 2\.1\.0 /],
  ['<a@x.test> RET=FULL', /^555 5\.5\.4 /],
  ['<a@x.test> SMTPUTF8=x', /^501 5\.5\.4 /],
  ['<é@x.test>', /^553 5\.6\.7 /],
  ['<a@x.test> SIZE=1 SIZE=2', /^501 5\.5\.4 /],
  [`<${'a'.repeat(300)}@x.test>`, /^501 5\.1\.7 /],
  ['<@a,@b:c@d.test>', /^250 2\.1\.0 /],
  ['<a@b>', /^250 2\.1\.0 /],
  [`<a@${'b.'.repeat(126)}test>`, /^501 5\.1\.7 /],
]

/** A line as the first of a session, in Latin-1, and the reply. */
const COMMANDS: readonly (readonly [line: string, reply: RegExp])[] = [
  ['', /^500 5\.5\.1 /],
  ['\0', /^500 5\.5\.2 /],
  ['EHLO', /^501 5\.5\.4 /],
  ['EHLO x y', /^501 5\.5\.4 /],
  [`EHLO ${'a'.repeat(255)}`, /^250-mx\.test\n/],
  [`EHLO ${'a'.repeat(256)}`, /^501 5\.5\.4 /],
  ['HELO [127.0.0.1]', /^250 mx\.test$/],
  ['MAIL', /^501 5\.5\.4 /],
  ['MAIL FROM:', /^501 5\.1\.7 /],
  ['RCPT TO:<a@mx.test>', /^503 5\.5\.1 /],
  ['DATA', /^503 5\.5\.1 /],
  ['DATA x', /^501 5\.5\.4 /],
  ['QUIT x', /^501 5\.5\.4 /],
  ['AUTH PLAIN AHgAeA==', /^502 5\.5\.1 /],
  ['XCLIENT ADDR=1.2.3.4', /^502 5\.5\.1 /],
  ['XFORWARD NAME=x', /^502 5\.5\.1 /],
  ['BDAT 10 LAST', /^502 5\.5\.1 /],
  ['ETRN mx.test', /^502 5\.5\.1 /],
  ['VRFY root', /^252 2\.0\.0 /],
  ['EXPN staff', /^502 5\.5\.1 /],
  ['TURN', /^502 5\.5\.1 /],
  ['STARTTLS', /^502 5\.5\.1 /],
  [`NOOP ${'x'.repeat(2000)}`, /^250 2\.0\.0 /],
  [`NOOP ${'x'.repeat(3000)}`, /^500 5\.5\.2 /],
  ['POST / HTTP/1.1', /^closed$/],
  ['GET / HTTP/1.0', /^closed$/],
  ['Host: x', /^500 5\.5\.1 /],
  ['HELP', /^214 2\.0\.0 /],
  ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc', /^500 5\.5\.2 /],
  ['\xe9', /^500 5\.5\.2 /],
  ['MAIL FROM:<a@b.test>\nRCPT TO:<x@mx.test>', /^500 5\.5\.2 /],
  ['DEBUG', /^500 5\.5\.1 /],
  ['WIZ', /^500 5\.5\.1 /],
  ['ehlo x', /^250-mx\.test\n/],
  ['mail from: <a@b.test>', /^503 5\.5\.1 /],
]

describe('hostile commands', () => {
  test('15 forms of MAIL are answered as RFC 5321 says', async (t) => {
    const { port, errors } = await start(t)
    assert.equal(MAIL.length, 15)
    for (const [form, expected] of MAIL) {
      const client = Client.to(port)
      await client.send(`EHLO x.test\r\nMAIL FROM:${form}\r\n`)
      assert.match((await client.replies(3)).at(-1) ?? '', expected, form.slice(0, 60))
      client.destroy()
    }
    assert.deepEqual(errors, [])
  })

  test('35 first lines are answered, and the session goes on unless it is no SMTP', async (t) => {
    const { port, received, errors } = await start(t)
    assert.equal(COMMANDS.length, 35)
    for (const [line, expected] of COMMANDS) {
      const client = Client.to(port)
      await client.send(Buffer.from(`${line}\r\n`, 'latin1'))
      const [, reply = ''] = await client.replies(2)
      assert.match(reply, expected, JSON.stringify(line.slice(0, 60)))
      if (reply !== 'closed' && !line.includes('\n')) {
        await client.send('NOOP\r\n')
        assert.equal(await client.codes(1), '250', JSON.stringify(line.slice(0, 60)))
      }
      client.destroy()
    }
    assert.deepEqual([received, errors], [[], []])
  })
})
