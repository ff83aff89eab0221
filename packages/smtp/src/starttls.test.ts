import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { selfSigned } from '@kabutar/testing/certificate.ts'
import { Client, play } from '@kabutar/testing/smtp-client.ts'
import { start, until } from '@kabutar/testing/smtp-server.ts'

const tls = selfSigned('mx.test')
const ENVELOPE = 'EHLO x.test\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n'

describe('TLS', () => {
  test('STARTTLS begins a new conversation', async (t) => {
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

  test('plaintext sent after STARTTLS is forgotten', async (t) => {
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

  test('who leaves within a handshake has left', async (t) => {
    const { port, server } = await start(t, { tls })
    for (const leave of ['half', 'destroy'] as const) {
      const client = Client.to(port)
      await client.send('EHLO x.test\r\nSTARTTLS\r\n')
      assert.equal(await client.codes(3), '220 250 220')
      client[leave]()
      await until(() => server.connections === 0)
    }
  })

  test('on a full listener, who dawdles over a handshake gives way', async (t) => {
    const { port } = await start(t, { tls, limits: { connections: 1, patienceMs: 0 } })
    const slow = Client.to(port)
    await slow.send('EHLO x.test\r\nSTARTTLS\r\n')
    assert.equal(await slow.codes(3), '220 250 220')
    const other = Client.to(port)
    assert.equal(await other.codes(1), '220')
    assert.match(await slow.reply(), /^closed/)
    other.destroy()
  })

  /** So many that have said EHLO, to a listener with one place under TLS, which the first has taken. */
  async function around(t: TestContext, patienceMs: number, count: number) {
    const { port, server } = await start(t, { tls, limits: { securedConnections: 1, patienceMs } })
    const clients = Array.from({ length: count }, () => Client.to(port))
    for (const client of clients) await client.send('EHLO x.test\r\n')
    for (const client of clients) assert.equal(await client.codes(2), '220 250')
    const [first = Client.to(port), ...others] = clients
    await first.send('STARTTLS\r\n')
    assert.equal(await first.codes(1), '220')
    await first.secure()
    return { server, first, others }
  }

  test('those past the number under TLS wait for a place, in their order', async (t) => {
    const { server, first, others } = await around(t, 10_000, 4)
    for (const client of others) await client.send('STARTTLS\r\n')
    others[1]?.destroy()
    await first.send('QUIT\r\n')
    assert.equal(await first.codes(2), '221 closed')
    for (const client of [others[0], others[2]]) {
      assert.equal(await client?.codes(1), '220')
      await client?.secure()
      await client?.send('QUIT\r\n')
      assert.equal(await client?.codes(2), '221 closed')
    }
    await until(() => server.connections === 0)
  })

  test('who waits for a place too long is told to come again, not to go on in plain', async (t) => {
    const { first, others } = await around(t, 300, 2)
    await others[0]?.send('STARTTLS\r\n')
    const talk = setInterval(() => void first.send('NOOP\r\n'), 20)
    t.after(() => clearInterval(talk))
    const told = await others[0]?.replies(2)
    assert.deepEqual(told, ['421 4.3.2 Too many connections under TLS, try again later', 'closed'])
  })

  test('nobody waits for a place on a listener that closes', async (t) => {
    const { server, first, others } = await around(t, 10_000, 2)
    await others[0]?.send('STARTTLS\r\n')
    await sleep(50)
    const closed = server.close(5000)
    assert.equal(await others[0]?.codes(2), '421 closed')
    assert.equal(await first.codes(2), '421 closed')
    await closed
  })

  test('who keeps such others waiting gives way', async (t) => {
    const { first, others } = await around(t, 300, 2)
    await sleep(400)
    await others[0]?.send('STARTTLS\r\n')
    assert.deepEqual(await first.replies(2), ['421 4.3.2 Too busy to wait longer, come again', 'closed'])
    assert.equal(await others[0]?.codes(1), '220')
    others[0]?.destroy()
  })

  test('so does who begins to keep them waiting only then', async (t) => {
    const { first, others } = await around(t, 300, 2)
    await first.send('NOOP\r\n')
    assert.equal(await first.codes(1), '250')
    await others[0]?.send('STARTTLS\r\n')
    assert.equal(await others[0]?.codes(1), '220')
    assert.deepEqual(await first.replies(2), ['421 4.3.2 Too busy to wait longer, come again', 'closed'])
    others[0]?.destroy()
  })

  test('past that number nobody is heard who speaks TLS from the first octet', async (t) => {
    const { port, server } = await start(t, {
      tls,
      implicitTls: true,
      limits: { securedConnections: 1, patienceMs: 100 },
    })
    const first = Client.toTls(port)
    assert.equal(await first.codes(1), '220')
    const talk = setInterval(() => void first.send('NOOP\r\n'), 10)
    assert.match(await Client.toTls(port).reply(), /^closed/)
    clearInterval(talk)
    first.destroy()
    await until(() => server.connections === 0)
    const next = Client.toTls(port)
    assert.equal(await next.codes(1), '220')
    next.destroy()
  })

  test('a handshake has a deadline', async (t) => {
    const { port } = await start(t, { tls, implicitTls: true, limits: { commandMs: 30 } })
    const client = Client.to(port)
    assert.match(await client.reply(), /^closed/)
  })
})
