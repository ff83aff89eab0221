import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { selfSigned } from '@kabutar/testing/certificate.ts'
import { start } from '@kabutar/testing/smtp-server.ts'
import { createTransport } from 'nodemailer'

describe('nodemailer as the sender', () => {
  test('many messages over pooled connections with STARTTLS', async (t) => {
    const { port, received } = await start(t, { tls: selfSigned('mx.test') })
    const pool = createTransport({
      host: '127.0.0.1',
      port,
      pool: true,
      maxConnections: 3,
      tls: { rejectUnauthorized: false },
    })
    const text = '.one dot\n..two\nüber\n'
    const sends = Array.from({ length: 30 }, (_, i) =>
      pool.sendMail({ from: 'a@x.test', to: ['b@y.test', 'nobody@y.test'], subject: `message ${i}`, text }),
    )
    const results = await Promise.all(sends)
    pool.close()
    assert.ok(results.every(({ rejected }) => rejected[0] === 'nobody@y.test'))
    assert.equal(received.length, 30)
    assert.ok(received.every(({ envelope }) => envelope.tls && envelope.recipients.join() === 'b@y.test'))
    assert.ok(received.every(({ content }) => content.includes('\r\n.one dot\r\n..two\r\n')))
  })

  test('a message of two megabytes with BODY=8BITMIME', async (t) => {
    const { port, received } = await start(t)
    const transport = createTransport({ host: '127.0.0.1', port, ignoreTLS: true })
    const raw = `Subject: big\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${'.übergroß\r\n'.repeat(170_000)}`
    await transport.sendMail({ envelope: { from: 'a@x.test', to: 'b@y.test', use8BitMime: true }, raw })
    assert.equal(received[0]?.envelope.body8bit, true)
    assert.equal(received[0]?.content.toString(), raw)
  })

  test('addresses beyond ASCII', async (t) => {
    const { port, received } = await start(t)
    const transport = createTransport({ host: '127.0.0.1', port, ignoreTLS: true })
    await transport.sendMail({ envelope: { from: 'jös@x.test', to: 'bö@y.test' }, raw: 'Subject: hi\r\n\r\nhi\r\n' })
    assert.deepEqual(received[0]?.envelope.recipients, ['bö@y.test'])
    assert.equal(received[0]?.envelope.smtputf8, true)
  })
})
