import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { MailError } from '@kabutar/core/errors.ts'
import { selfSigned } from '@kabutar/testing/certificate.ts'
import { Client } from '@kabutar/testing/smtp-client.ts'
import { keepingBackend, readAll, start, until } from '@kabutar/testing/smtp-server.ts'
import type { Backend } from './backend.ts'
import { DEFAULT_LIMITS } from './limits.ts'

const tls = selfSigned('mx.test')
const ENVELOPE = 'EHLO x.test\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n'

describe('limits', () => {
  test('a connection past the limit is refused; the others are served', async (t) => {
    const { port, server, received } = await start(t, { limits: { connections: 2 } })
    const first = Client.to(port)
    const second = Client.to(port)
    assert.equal(`${await first.codes(1)} ${await second.codes(1)}`, '220 220')
    const third = Client.to(port)
    assert.deepEqual(await third.replies(2), ['421 4.3.2 Too many connections, try again later', 'closed'])
    await second.send(`${ENVELOPE}x\r\n.\r\nQUIT\r\n`)
    assert.equal(await second.codes(7), '250 250 250 354 250 221 closed')
    assert.equal(received.length, 1)
    await until(() => server.connections === 1)
    const fourth = Client.to(port)
    assert.equal(await fourth.codes(1), '220')
    for (const client of [first, fourth]) client.destroy()
  })

  test('at the limit, the peer that has rested longest gives way', async (t) => {
    const { port } = await start(t, { limits: { connections: 2, minRestMs: 0 } })
    const clients = [Client.to(port)]
    for (let i = 0; i < 4; i++) {
      assert.equal(await clients.at(-1)!.codes(1), '220')
      clients.push(Client.to(port))
    }
    assert.equal(await clients[0]!.codes(2), '421 closed')
    assert.equal(await clients[1]!.codes(2), '421 closed')
    await clients[3]!.send(`${ENVELOPE}x\r\n.\r\n`)
    assert.equal(await clients[3]!.codes(5), '250 250 250 354 250')
    for (const client of clients) client.destroy()
  })

  test('one address has 20 connections, and one network 50', async (t) => {
    const { port, server } = await start(t)
    const connectFrom = (localAddress: string, count: number) =>
      Promise.all(Array.from({ length: count }, () => Client.to(port, localAddress).reply()))
    const refused = (replies: readonly string[]) => replies.filter((reply) => reply.startsWith('421'))
    const ofAddress = refused(await connectFrom('127.0.7.1', 25))
    assert.deepEqual(ofAddress, Array(5).fill('421 4.3.2 Too many connections from your address'))
    await connectFrom('127.0.7.2', 20)
    const ofNetwork = refused(await connectFrom('127.0.7.3', 15))
    assert.deepEqual(ofNetwork, Array(5).fill('421 4.3.2 Too many connections from your network'))
    assert.equal(server.connections, 50)
    assert.deepEqual(refused(await connectFrom('127.0.8.1', 20)), [])
  })

  test('five hundred slow peers do not keep another waiting', async (t) => {
    const { port, received } = await start(t)
    const slow = await Promise.all(
      Array.from({ length: 500 }, async (_, n) => {
        const client = Client.to(port, `127.0.${1 + Math.floor(n / 20)}.1`)
        assert.equal(await client.codes(1), '220')
        await client.send('EHLO x')
        return client
      }),
    )
    const client = Client.to(port)
    await client.send(`${ENVELOPE}x\r\n.\r\nQUIT\r\n`)
    assert.equal(await client.codes(8), '220 250 250 250 354 250 221 closed')
    assert.equal(received.length, 1)
    for (const each of slow) each.destroy()
  })

  test('a command has a time limit', async (t) => {
    const { port } = await start(t, { limits: { commandMs: 60 } })
    const client = Client.to(port)
    const dribble = setInterval(() => void client.send('x'), 10)
    assert.deepEqual(await client.replies(3), ['220 mx.test ESMTP Kabutar', '421 4.4.2 Timeout', 'closed'])
    clearInterval(dribble)
  })

  test('content has a time limit, and so has each pause in it', async (t) => {
    for (const [limits, everyMs] of [
      [{ dataIdleMs: 40 }, 10_000],
      [{ dataMs: 100 }, 10],
    ] as const) {
      const { port, received } = await start(t, { limits })
      const client = Client.to(port)
      await client.send(`${ENVELOPE}x`)
      const dribble = setInterval(() => void client.send('x'), everyMs)
      assert.match(await client.codes(7), /^220 250 250 250 354 (?:421|451) closed$/)
      clearInterval(dribble)
      assert.deepEqual(received, [])
    }
  })

  test('the backend has a time limit', async (t) => {
    const backend: Backend = { ...keepingBackend([]), recipient: () => new Promise(() => {}) }
    const { port } = await start(t, { backend, limits: { backendMs: 30 } })
    const client = Client.to(port)
    await client.send(ENVELOPE)
    assert.equal(await client.codes(5), '220 250 250 421 closed')
  })

  test('a message is not accepted after its client was answered 421', async (t) => {
    const { promise: settled, resolve: settle } = Promise.withResolvers<string>()
    const data: Backend['data'] = async (_session, { id }, content) => {
      await new Promise((resolve) => setTimeout(resolve, 60))
      try {
        await readAll(content)
        settle('read to its end')
      } catch (error) {
        settle(String(error))
      }
      return { id }
    }
    const { port } = await start(t, { backend: { ...keepingBackend([]), data }, limits: { backendMs: 20 } })
    const client = Client.to(port)
    await client.send(`${ENVELOPE}${'x'.repeat(200_000)}\r\n.\r\n`)
    assert.equal(await client.codes(7), '220 250 250 250 354 421 closed')
    assert.equal(await settled, 'MailError: The message has not arrived in full')
  })

  for (const implicitTls of [false, true]) {
    const how = implicitTls ? 'under TLS' : 'in plain'
    const LONG = 'x'.repeat(400)
    const many = { commandsPerMessage: 1e9, refusedRecipients: 1e9 }

    test(`no commands are read while replies are left unread, ${how}`, async (t) => {
      let asked = 0
      const recipient: Backend['recipient'] = async () => {
        asked++
        throw new MailError('recipient_unknown', LONG)
      }
      const backend = { ...keepingBackend([]), recipient }
      const { port, server } = await start(t, { tls, implicitTls, backend, limits: many })
      const client = implicitTls ? Client.toTls(port) : Client.to(port)
      await client.reply()
      client.pause()
      await client.send('EHLO x.test\r\nMAIL FROM:<>\r\n')
      const sending = client.send('RCPT TO:<b@y.test>\r\n'.repeat(100_000))
      let seen = -1
      for (let still = 0; still < 4; still = seen === asked ? still + 1 : 0) {
        seen = asked
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      assert.ok(asked < 100_000, 'the kernel and our window hold less than 40 MB of replies')
      client.destroy()
      await sending
      await until(() => server.connections === 0)
    })

    test(`replies that are read late are complete, ${how}`, { timeout: 20_000 }, async (t) => {
      const recipient = async () => {
        throw new MailError('recipient_unknown', LONG)
      }
      const backend = { ...keepingBackend([]), recipient }
      const { port } = await start(t, { tls, implicitTls, backend, limits: many })
      const client = implicitTls ? Client.toTls(port) : Client.to(port)
      await client.reply()
      client.pause()
      void client.send(`EHLO x.test\r\nMAIL FROM:<>\r\n${'RCPT TO:<b@y.test>\r\n'.repeat(30_000)}QUIT\r\n`)
      await new Promise((resolve) => setTimeout(resolve, 300))
      client.resume()
      const replies = await client.replies(30_004)
      assert.match(replies[30_001] ?? '', /^550 5\.1\.1 x{400}$/)
      assert.deepEqual(replies.slice(-2), ['221 2.0.0 Bye', 'closed'])
    })
  }

  test('the defaults are no stricter than RFC 5321 section 4.5.3 allows', () => {
    assert.ok(DEFAULT_LIMITS.recipients >= 100)
    assert.ok(DEFAULT_LIMITS.lineBytes >= 512 + 26 + 17 + 10)
    assert.ok(DEFAULT_LIMITS.commandMs >= 300_000)
  })
})

describe('closing', () => {
  test('ends idle connections with 421, lets a transaction end, and accepts no new connection', async (t) => {
    const { port, server, received } = await start(t)
    const idle = Client.to(port)
    const busy = Client.to(port)
    await idle.send('EHLO x.test\r\n')
    await busy.send(`${ENVELOPE}half`)
    assert.equal(await idle.codes(2), '220 250')
    assert.equal(await busy.codes(5), '220 250 250 250 354')
    const closed = server.close(5_000)
    assert.deepEqual(await idle.replies(2), ['421 4.3.2 Shutting down, come again', 'closed'])
    assert.equal(await Client.to(port).codes(1), 'closed')
    await busy.send(' and half\r\n.\r\nMAIL FROM:<>\r\n')
    assert.equal(await busy.codes(3), '250 421 closed')
    await closed
    assert.equal(received[0]?.content.toString(), 'half and half\r\n')
  })

  test('destroys what is left at the deadline, even if the backend hangs', async (t) => {
    const backend: Backend = { ...keepingBackend([]), recipient: () => new Promise(() => {}) }
    const { port, server } = await start(t, { backend })
    const client = Client.to(port)
    await client.send('EHLO x.test\r\nMAIL FROM:<>\r\n')
    assert.equal(await client.codes(3), '220 250 250')
    await client.send('RCPT TO:<b@y.test>\r\n')
    await server.close(30)
    assert.equal(await client.codes(1), 'closed')
  })
})

describe('the greeting', () => {
  test('no timer stands between a connection and its greeting', async (t) => {
    const { port } = await start(t)
    const times: number[] = []
    for (let i = 0; i < 100; i++) {
      const began = performance.now()
      const client = Client.to(port)
      await client.reply()
      times.push(performance.now() - began)
      client.destroy()
    }
    times.sort((a, b) => a - b)
    t.diagnostic(`connect to 220: median ${times[50]!.toFixed(2)} ms, worst ${times[99]!.toFixed(2)} ms`)
    for (const file of ['server.ts', 'serve-session.ts', 'session.ts']) {
      const source = await readFile(new URL(file, import.meta.url), 'utf8')
      const beforeClosing = source.split('async function closing')[0]!
      assert.doesNotMatch(beforeClosing, /setTimeout|setImmediate|nextTick|sleep/, file)
    }
  })
})
