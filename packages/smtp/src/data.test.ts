import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MailError } from '@kabutar/core/errors.ts'
import { Client } from '@kabutar/testing/smtp-client.ts'
import { keepingBackend, readAll, start } from '@kabutar/testing/smtp-server.ts'
import type { Backend } from './backend.ts'

const ENVELOPE = 'EHLO x.test\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n'
const READY = '220 250 250 250 354'

async function ready(port: number): Promise<Client> {
  const client = Client.to(port)
  await client.send(ENVELOPE)
  assert.equal(await client.codes(5), READY)
  return client
}

/** Whatever some server takes for the end of a message. */
const SMUGGLERS = [
  '\n.\n',
  '\n.\r\n',
  '\r\n.\n',
  '\r.\r',
  '\r.\n',
  '\r.\r\n',
  '\r\n.\r',
  '\n.\r',
  '\r\r\n.\r\r\n',
  '\r\n\x00.\r\n',
]

describe('the content', () => {
  for (const end of SMUGGLERS) {
    test(`${JSON.stringify(end)} hides no second message`, async (t) => {
      const { port, received } = await start(t)
      const client = await ready(port)
      await client.send(`one${end}MAIL FROM:<evil@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\ntwo\r\n.\r\nNOOP\r\n`)
      assert.equal(await client.codes(2), '250 250')
      assert.equal(received.length, 1)
      const content = received[0]?.content.toString() ?? ''
      assert.match(content, /^one.*MAIL FROM:<evil@x\.test>.*two\r\n$/s)
      assert.doesNotMatch(content, /\r(?!\n)|(?<!\r)\n/)
      client.destroy()
    })
  }

  test('a bare LF is kept as CRLF, a bare CR as a blank', async (t) => {
    const { port, received } = await start(t)
    const client = await ready(port)
    await client.send('one\ntwo\rthree\r\r\n.\r\n')
    assert.equal(await client.codes(1), '250')
    assert.equal(received[0]?.content.toString(), 'one\r\ntwo three \r\n')
    client.destroy()
  })

  test('envelope and octets arrive as they were sent', async (t) => {
    const { port, received } = await start(t)
    const client = Client.to(port)
    const octets = Buffer.concat([
      Buffer.from(Array.from({ length: 256 }, (_, i) => i)).filter((b) => b !== 10 && b !== 13),
    ])
    const line = Buffer.concat([octets, Buffer.alloc(5_000, 'x'), Buffer.from('\r\n..\r\n')])
    await client.send('EHLO x.test\r\nMAIL FROM:<"a b"@x.test> SIZE=9 BODY=8BITMIME SMTPUTF8\r\n')
    await client.send('RCPT TO:<b@y.test>\r\nRCPT TO:<@r.test:c@y.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n')
    await client.send(Buffer.concat([line, Buffer.from('.\r\n')]))
    assert.equal(await client.codes(8), '220 250 250 250 250 250 354 250')
    assert.deepEqual(received[0]?.envelope, {
      id: '2',
      returnPath: '"a b"@x.test',
      recipients: ['b@y.test', 'c@y.test'],
      smtputf8: true,
      body8bit: true,
      size: 9,
      helo: 'x.test',
      remoteAddress: '127.0.0.1',
      tls: false,
    })
    assert.deepEqual(received[0]?.content, Buffer.concat([line.subarray(0, -4), Buffer.from('.\r\n')]))
    client.destroy()
  })

  test('a session goes the same wherever its packets are cut', async (t) => {
    const whole = Buffer.from(`${ENVELOPE}Subject: ö\r\n\r\n..\r\n.x\r\n.\r\nMAIL FROM:<>\r\nQUIT\r\n`)
    const { port, received } = await start(t)
    for (let at = 1; at < whole.length; at++) {
      const client = Client.to(port)
      await client.send(whole.subarray(0, at))
      await new Promise((resolve) => setImmediate(resolve))
      await client.send(whole.subarray(at))
      assert.equal(await client.codes(9), `${READY} 250 250 221 closed`, `cut at ${at}`)
      assert.equal(received.pop()?.content.toString(), 'Subject: ö\r\n\r\n.\r\nx\r\n', `cut at ${at}`)
    }
  })

  test('a message may come octet by octet', async (t) => {
    const { port, received } = await start(t)
    const client = Client.to(port)
    for (const octet of Buffer.from(`${ENVELOPE}a\r\n..\r\n.\r\nQUIT\r\n`)) await client.send(Buffer.from([octet]))
    assert.equal(await client.codes(8), `${READY} 250 221 closed`)
    assert.equal(received[0]?.content.toString(), 'a\r\n.\r\n')
  })

  test('a message too large is refused at its end, and the connection stays usable', async (t) => {
    const { port, received } = await start(t, { limits: { messageBytes: 1_000 } })
    const client = await ready(port)
    for (let i = 0; i < 100; i++) await client.send(`${'x'.repeat(998)}\r\n`)
    await client.send('.\r\n')
    assert.equal(await client.reply(), '552 5.3.4 Larger than 1000 octets')
    await client.send(`${ENVELOPE}${'x'.repeat(998)}\r\n.\r\n`)
    assert.equal(await client.codes(5), '250 250 250 354 250')
    assert.deepEqual(
      received.map(({ content }) => content.length),
      [1_000],
    )
    client.destroy()
  })

  test('a refused message is read up to a limit', async (t) => {
    const { port } = await start(t, { limits: { messageBytes: 1_000, drainBytes: 100_000 } })
    const client = await ready(port)
    for (let i = 0; i < 300; i++) void client.send(`${'x'.repeat(998)}\r\n`)
    assert.equal(await client.codes(2), '552 closed')
  })

  test('a small message is handed on in one piece, once all of it has come', async (t) => {
    const bodies: unknown[] = []
    const data: Backend['data'] = async (_session, { id }, content) => {
      bodies.push(content instanceof Uint8Array ? content.length : (await readAll(content)).length.toString())
      return { id }
    }
    const { port } = await start(t, { backend: { ...keepingBackend([]), data } })
    const client = await ready(port)
    for (const bytes of [65_536, 65_538]) {
      await client.send(`${'x'.repeat(bytes - 2)}\r`)
      await client.send('\n.\r\n')
      assert.equal(await client.codes(1), '250')
      await client.send(ENVELOPE)
      await client.codes(4)
    }
    assert.deepEqual(bodies, [65_536, '65538'])
    client.destroy()
  })

  test('a small message in many pieces is handed on in one', async (t) => {
    const contents: unknown[] = []
    const data: Backend['data'] = async (_session, { id }, content) => {
      contents.push(content)
      return { id }
    }
    const { port } = await start(t, { backend: { ...keepingBackend([]), data } })
    const lines = Array.from({ length: 500 }, (_, n) => `${n}${'x'.repeat(n % 90)}\r\n`)
    const clients = await Promise.all([ready(port), ready(port)])
    for (const line of lines) for (const client of clients) await client.send(line)
    for (const client of clients) {
      await client.send('.\r\n')
      assert.equal(await client.codes(1), '250')
      client.destroy()
    }
    for (const content of contents) {
      assert.ok(content instanceof Uint8Array)
      assert.equal(Buffer.from(content).toString(), lines.join(''))
    }
    assert.equal(contents.length, 2)
  })

  test('a small message that is cut off or refused is never handed on', async (t) => {
    const data: Backend['data'] = () => assert.fail('handed on')
    const { port, server, errors } = await start(t, {
      backend: { ...keepingBackend([]), data },
      limits: { messageBytes: 10 },
    })
    const refused = await ready(port)
    await refused.send('more than ten\r\n.\r\n')
    assert.equal(await refused.codes(1), '552')
    const cut = await ready(port)
    await cut.send('half')
    cut.destroy()
    refused.destroy()
    await server.close(1000)
    assert.deepEqual(errors, [])
  })

  test('content throws when the client goes away before its end', async (t) => {
    const { promise: failed, resolve: fail } = Promise.withResolvers<unknown>()
    const data: Backend['data'] = async (_session, { id }, content) => {
      try {
        await readAll(content)
      } catch (error) {
        fail(error)
        throw error
      }
      return { id }
    }
    const { port, server, errors } = await start(t, { backend: { ...keepingBackend([]), data } })
    const client = await ready(port)
    await client.send(`${'x'.repeat(70_000)}\r\nhalf a mess`)
    client.destroy()
    const error = await failed
    assert.ok(error instanceof MailError && error.code === 'unavailable')
    await server.close(1_000)
    assert.deepEqual(errors, [])
  })
})
