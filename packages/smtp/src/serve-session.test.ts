import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Client, play } from '@kabutar/testing/smtp-client.ts'
import { start } from '@kabutar/testing/smtp-server.ts'

const TRANSCRIPTS: readonly { name: string; transcript: string; limits?: object }[] = [
  {
    name: 'a message',
    transcript: `
      S: 220 mx.test ESMTP Kabutar
      C: EHLO client.test
      S: 250-mx.test / 250-PIPELINING / 250-SIZE 41943040 / 250-8BITMIME / 250-SMTPUTF8 / 250-ENHANCEDSTATUSCODES / 250 HELP
      C: MAIL FROM:<a@x.test> SIZE=100 BODY=8BITMIME
      S: 250 2.1.0 Ok
      C: RCPT TO:<b@y.test>
      S: 250 2.1.5 Ok
      C: DATA
      S: 354 End data with <CR><LF>.<CR><LF>
      C: Subject: hello
      C:
      C: .
      S: 250 2.0.0 Ok: queued as 2
      C: QUIT
      S: 221 2.0.0 Bye
      S: closed`,
  },
  {
    name: 'a pipelined group, then two more messages with the content pipelined as well',
    transcript: `
      S: 220 mx.test ESMTP Kabutar
      C: HELO client.test
      S: 250 mx.test
      C: MAIL FROM:<>
      C: RCPT TO:<nobody@y.test>
      C: RCPT TO:<b@y.test>
      C: DATA
      S: 250 2.1.0 Ok
      S: 550 5.1.1 No such recipient here
      S: 250 2.1.5 Ok
      S: 354 End data with <CR><LF>.<CR><LF>
      C: one
      C: .
      C: MAIL FROM:<a@x.test>
      C: RCPT TO:<b@y.test>
      C: DATA
      S: 250 2.0.0 Ok: queued as 2
      S: 250 2.1.0 Ok
      S: 250 2.1.5 Ok
      S: 354 End data with <CR><LF>.<CR><LF>
      C: two
      C: .
      C: QUIT
      S: 250 2.0.0 Ok: queued as 3
      S: 221 2.0.0 Bye
      S: closed`,
  },
  {
    name: 'commands out of order',
    transcript: `
      S: 220 mx.test ESMTP Kabutar
      C: MAIL FROM:<a@x.test>
      S: 503 5.5.1 Say EHLO first
      C: EHLO client.test
      S: 250-mx.test / 250-PIPELINING / 250-SIZE 41943040 / 250-8BITMIME / 250-SMTPUTF8 / 250-ENHANCEDSTATUSCODES / 250 HELP
      C: RCPT TO:<b@y.test>
      S: 503 5.5.1 Say MAIL first
      C: DATA
      S: 503 5.5.1 Say MAIL first
      C: MAIL FROM:<a@x.test>
      S: 250 2.1.0 Ok
      C: MAIL FROM:<a@x.test>
      S: 503 5.5.1 One MAIL at a time
      C: DATA
      S: 554 5.5.1 No valid recipients
      C: RSET
      S: 250 2.0.0 Ok
      C: RCPT TO:<b@y.test>
      S: 503 5.5.1 Say MAIL first
      C: STARTTLS
      S: 502 5.5.1 Command not implemented`,
  },
  {
    name: 'EHLO ends a transaction',
    transcript: `
      S: 220 mx.test ESMTP Kabutar
      C: HELO client.test
      C: MAIL FROM:<a@x.test>
      C: HELO client.test
      C: RCPT TO:<b@y.test>
      S: 250 mx.test
      S: 250 2.1.0 Ok
      S: 250 mx.test
      S: 503 5.5.1 Say MAIL first`,
  },
  {
    name: 'the rest of the commands',
    transcript: `
      S: 220 mx.test ESMTP Kabutar
      C: NOOP anything
      S: 250 2.0.0 Ok
      C: VRFY postmaster
      S: 252 2.0.0 Not verified; send mail to try
      C: EXPN staff
      S: 502 5.5.1 Command not implemented
      C: HELP
      S: 214 2.0.0 See RFC 5321
      C: AUTH PLAIN AGEAYg==
      S: 502 5.5.1 Command not implemented
      C: XYZZY
      S: 500 5.5.1 Command not recognized
      C:
      S: 500 5.5.1 Command not recognized`,
  },
  {
    name: 'SIZE above the limit is refused before the content',
    limits: { messageBytes: 1_000 },
    transcript: `
      S: 220 mx.test ESMTP Kabutar
      C: HELO client.test
      C: MAIL FROM:<a@x.test> SIZE=1001
      C: MAIL FROM:<a@x.test> SIZE=1000
      S: 250 mx.test
      S: 552 5.3.4 Larger than 1000 octets
      S: 250 2.1.0 Ok`,
  },
  {
    name: 'an address beyond ASCII needs SMTPUTF8',
    transcript: `
      S: 220 mx.test ESMTP Kabutar
      C: HELO client.test
      C: MAIL FROM:<jös@x.test>
      C: MAIL FROM:<a@x.test>
      C: RCPT TO:<jös@y.test>
      C: RSET
      C: MAIL FROM:<jös@bücher.test> SMTPUTF8
      C: RCPT TO:<jös@y.test>
      S: 250 mx.test
      S: 553 5.6.7 This address needs SMTPUTF8
      S: 250 2.1.0 Ok
      S: 553 5.6.7 This address needs SMTPUTF8
      S: 250 2.0.0 Ok
      S: 250 2.1.0 Ok
      S: 250 2.1.5 Ok`,
  },
  {
    name: 'too many recipients are refused for now',
    limits: { recipients: 2 },
    transcript: `
      S: 220 mx.test ESMTP Kabutar
      C: HELO client.test
      C: MAIL FROM:<>
      C: RCPT TO:<a@y.test>
      C: RCPT TO:<a@y.test>
      C: RCPT TO:<b@y.test>
      C: RCPT TO:<c@y.test>
      S: 250 mx.test
      S: 250 2.1.0 Ok
      S: 250 2.1.5 Ok
      S: 250 2.1.5 Ok
      S: 250 2.1.5 Ok
      S: 452 4.5.3 Too many recipients, send the rest in another message`,
  },
  {
    name: 'too many errors',
    limits: { errors: 2 },
    transcript: `
      S: 220 mx.test ESMTP Kabutar
      C: ONE
      C: TWO
      C: NOOP
      S: 500 5.5.1 Command not recognized
      S: 500 5.5.1 Command not recognized
      S: 421 4.7.0 Too many errors
      S: closed`,
  },
  {
    name: 'too many refused recipients',
    limits: { refusedRecipients: 2 },
    transcript: `
      S: 220 mx.test ESMTP Kabutar
      C: HELO client.test
      C: MAIL FROM:<>
      C: RCPT TO:<nobody@a.test>
      C: RCPT TO:<nobody@b.test>
      S: 250 mx.test
      S: 250 2.1.0 Ok
      S: 550 5.1.1 No such recipient here
      S: 550 5.1.1 No such recipient here
      S: 421 4.7.0 Too many errors
      S: closed`,
  },
  {
    name: 'too many commands without a message',
    limits: { commandsPerMessage: 3 },
    transcript: `
      S: 220 mx.test ESMTP Kabutar
      C: NOOP
      C: NOOP
      C: NOOP
      C: NOOP
      S: 250 2.0.0 Ok
      S: 250 2.0.0 Ok
      S: 250 2.0.0 Ok
      S: 421 4.7.0 Too many commands without a message
      S: closed`,
  },
  {
    name: 'too many messages',
    limits: { messagesPerConnection: 1 },
    transcript: `
      S: 220 mx.test ESMTP Kabutar
      C: HELO client.test
      C: MAIL FROM:<>
      C: RCPT TO:<b@y.test>
      C: DATA
      C: .
      C: MAIL FROM:<>
      S: 250 mx.test
      S: 250 2.1.0 Ok
      S: 250 2.1.5 Ok
      S: 354 End data with <CR><LF>.<CR><LF>
      S: 250 2.0.0 Ok: queued as 2
      S: 421 4.7.0 Too many messages on one connection, come again
      S: closed`,
  },
  {
    name: 'a line too long is skipped',
    limits: { lineBytes: 40 },
    transcript: `
      S: 220 mx.test ESMTP Kabutar
      C: NOOP 678901234567890123456789012345678
      C: NOOP 6789012345678901234567890123456789
      C: NOOP
      S: 250 2.0.0 Ok
      S: 500 5.5.2 Line too long
      S: 250 2.0.0 Ok`,
  },
]

describe('a session', () => {
  for (const { name, transcript, limits = {} } of TRANSCRIPTS) {
    test(name, async (t) => {
      const { port } = await start(t, { limits })
      await play(port, transcript)
    })
  }

  test('an unknown error of RCPT is answered 451, logged and not shown', async (t) => {
    const { port, errors } = await start(t)
    const client = Client.to(port)
    await client.send('HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<crash@y.test>\r\n')
    assert.deepEqual((await client.replies(4)).at(-1), '451 4.3.0 Local error, try again later')
    assert.deepEqual(errors, ['smtp: command failed'])
    client.destroy()
  })

  test('<Postmaster> is asked as postmaster of the host name', async (t) => {
    const { port, received } = await start(t)
    const client = Client.to(port)
    await client.send('HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<PostMaster>\r\nDATA\r\n.\r\n')
    assert.equal(await client.codes(6), '220 250 250 250 354 250')
    assert.deepEqual(received[0]?.envelope.recipients, ['postmaster@mx.test'])
    client.destroy()
  })

  test('a client that speaks HTTP gets no answer', async (t) => {
    const { port } = await start(t)
    const client = Client.to(port)
    await client.send('POST / HTTP/1.1\r\nHost: mx.test\r\n\r\nMAIL FROM:<>\r\n')
    assert.equal(await client.codes(2), '220 closed')
  })

  test('a bare LF in a command is refused, and the connection is closed', async (t) => {
    for (const line of ['NOOP\nNOOP\r\n', '\n', 'NOOP\n\r\n']) {
      const { port } = await start(t)
      const client = Client.to(port)
      await client.send(line)
      assert.equal(await client.codes(3), '220 500 closed')
    }
  })

  test('a client that closes its side after QUIT still reads all replies', async (t) => {
    const { port, received } = await start(t)
    const client = Client.to(port)
    await client.send('HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<b@y.test>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n')
    client.end()
    assert.equal(await client.codes(8), '220 250 250 250 354 250 221 closed')
    assert.equal(received[0]?.content.toString(), 'hi\r\n')
  })
})
