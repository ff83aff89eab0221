import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { selfSigned } from '@kabutar/testing/certificate.ts'
import { Client, play } from '@kabutar/testing/smtp-client.ts'
import { start, until } from '@kabutar/testing/smtp-server.ts'

const tls = selfSigned('mx.test')
const ENVELOPE = 'EHLO x.test\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n'

describe('TLS', () => {
  test('STARTTLS begins a new session', async (t) => {
    const { port, received } = await start(t, { tls })
    await play(
      port,
      `S: 220 mx.test ESMTP Kabutar
      C: EHLO client.test
      S: 250-mx.test / 250-PIPELINING / 250-SIZE 41943040 / 250-8BITMIME / 250-SMTPUTF8 / 250-ENHANCEDSTATUSCODES / 250-STARTTLS / 250 HELP
      C: MAIL FROM:<a@x.test>
      S: 250 2.1.0 Ok
      C: STARTTLS now
      S: 501 5.5.4 STARTTLS takes no parameter
      C: STARTTLS
      S: 220 2.0.0 Ready to start TLS
      TLS
      C: RCPT TO:<b@y.test>
      S: 503 5.5.1 Say MAIL first
      C: MAIL FROM:<a@x.test>
      S: 503 5.5.1 Say EHLO first
      C: EHLO client.test
      S: 250-mx.test / 250-PIPELINING / 250-SIZE 41943040 / 250-8BITMIME / 250-SMTPUTF8 / 250-ENHANCEDSTATUSCODES / 250 HELP
      C: STARTTLS
      S: 503 5.5.1 TLS is already in use
      C: MAIL FROM:<a@x.test>
      C: RCPT TO:<b@y.test>
      C: DATA
      C: hello
      C: .
      C: QUIT
      S: 250 2.1.0 Ok
      S: 250 2.1.5 Ok
      S: 354 End data with <CR><LF>.<CR><LF>
      S: 250 2.0.0 Ok: queued as 2
      S: 221 2.0.0 Bye
      S: closed`,
    )
    assert.equal(received[0]?.envelope.tls, true)
  })

  test('plaintext that was pipelined after STARTTLS is discarded', async (t) => {
    const { port, received } = await start(t, { tls })
    const client = Client.to(port)
    await client.send('EHLO x.test\r\nSTARTTLS\r\nEHLO evil.test\r\nMAIL FROM:<evil@x.test>\r\nRCPT TO:<b@y.test>\r\n')
    assert.equal(await client.codes(3), '220 250 220')
    await client.secure()
    await client.send('DATA\r\nNOOP\r\n')
    assert.deepEqual(await client.replies(2), ['503 5.5.1 Say MAIL first', '250 2.0.0 Ok'])
    assert.deepEqual(received, [])
    client.destroy()
  })

  test('TLS from the first octet', async (t) => {
    const { port, received } = await start(t, { tls, implicitTls: true })
    const client = Client.toTls(port)
    await client.send(`${ENVELOPE}${'x'.repeat(300_000)}\r\n.\r\nQUIT\r\n`)
    assert.equal(await client.codes(8), '220 250 250 250 354 250 221 closed')
    assert.equal(received[0]?.content.length, 300_002)
  })

  test('a failed handshake ends the connection and nothing else', async (t) => {
    const { port, server } = await start(t, { tls })
    const client = Client.to(port)
    await client.send('EHLO x.test\r\nSTARTTLS\r\n')
    assert.equal(await client.codes(3), '220 250 220')
    await client.send('this is no handshake\r\n')
    await client.reply()
    const other = Client.to(port)
    assert.equal(await other.codes(1), '220')
    assert.equal(server.connections, 1)
    other.destroy()
  })

  test('a client that leaves within a handshake is not counted any more', async (t) => {
    const { port, server } = await start(t, { tls })
    for (const leave of ['end', 'destroy'] as const) {
      const client = Client.to(port)
      await client.send('EHLO x.test\r\nSTARTTLS\r\n')
      assert.equal(await client.codes(3), '220 250 220')
      client[leave]()
      await until(() => server.connections === 0)
    }
  })

  test('at the limit of connections, a peer that rests within a handshake gives way', async (t) => {
    const { port } = await start(t, { tls, limits: { connections: 1, minRestMs: 0 } })
    const slow = Client.to(port)
    await slow.send('EHLO x.test\r\nSTARTTLS\r\n')
    assert.equal(await slow.codes(3), '220 250 220')
    const other = Client.to(port)
    assert.equal(await other.codes(1), '220')
    assert.match(await slow.reply(), /^closed/)
    other.destroy()
  })

  test('a handshake has a time limit', async (t) => {
    const { port } = await start(t, { tls, implicitTls: true, limits: { commandMs: 30 } })
    const client = Client.to(port)
    assert.match(await client.reply(), /^closed/)
  })
})
