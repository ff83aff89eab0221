import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MailError } from '@kabutar/core/errors.ts'
import { Client } from '@kabutar/testing/smtp-client.ts'
import { keepingBackend, readAll, start } from '@kabutar/testing/smtp-server.ts'
import type { Backend } from './backend.ts'

const ENVELOPE = 'EHLO x.test\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n'

async function ready(port: number): Promise<Client> {
  const client = Client.to(port)
  await client.send(ENVELOPE)
  assert.equal(await client.codes(5), '220 250 250 250 354')
  return client
}

/** More than is handed on in one piece. */
const LARGE = `${'x'.repeat(200_000)}\r\n`

const BACKENDS: readonly { name: string; data: Backend['data']; content?: string; reply: string }[] = [
  {
    name: 'a refusal before the content was read',
    data: () => Promise.reject(new MailError('relay_denied', 'Not for us')),
    reply: '550 5.7.1 Not for us',
  },
  {
    name: 'a temporary refusal',
    data: () => Promise.reject(new MailError('unavailable', 'Storage is full')),
    reply: '451 4.3.0 Storage is full',
  },
  {
    name: 'a defect',
    data: () => Promise.reject(new TypeError('secret')),
    reply: '451 4.3.0 Local error, try again later',
  },
  {
    name: 'a backend that accepts what it has not read',
    data: async (_session, { id }) => ({ id }),
    content: LARGE,
    reply: '451 4.3.0 Local error, try again later',
  },
  {
    name: 'a backend that accepts what it has read in part',
    data: async (_session, { id }, content) => {
      if (!(content instanceof Uint8Array)) for await (const _ of content) break
      return { id }
    },
    content: LARGE,
    reply: '451 4.3.0 Local error, try again later',
  },
  {
    name: 'a backend that accepts what was refused',
    data: async (_session, { id }, content) => {
      try {
        await readAll(content)
      } catch {}
      return { id }
    },
    content: LARGE.repeat(2),
    reply: '552 5.3.4 Larger than 300000 octets',
  },
]

describe('the backend decides on a message', () => {
  for (const { name, data, content = 'hello\r\n', reply } of BACKENDS) {
    test(`${name}: ${reply}, then the next command`, async (t) => {
      const { port } = await start(t, { backend: { ...keepingBackend([]), data }, limits: { messageBytes: 300_000 } })
      const client = await ready(port)
      await client.send(`${content}.\r\nRCPT TO:<b@y.test>\r\n`)
      assert.deepEqual(await client.replies(2), [reply, '503 5.5.1 Say MAIL first'])
      client.destroy()
    })
  }

  test('250 is answered only after the backend has resolved', async (t) => {
    const { promise: durable, resolve: sync } = Promise.withResolvers<void>()
    const { promise: read, resolve: end } = Promise.withResolvers<void>()
    const data: Backend['data'] = async (_session, { id }, content) => {
      await readAll(content)
      end()
      await durable
      return { id }
    }
    const { port } = await start(t, { backend: { ...keepingBackend([]), data } })
    const client = await ready(port)
    await client.send('hello\r\n.\r\n')
    await read
    const reply = client.reply()
    assert.equal(await Promise.race([reply, new Promise((resolve) => setImmediate(resolve, 'nothing'))]), 'nothing')
    sync()
    assert.equal(await reply, '250 2.0.0 Ok: queued as 2')
    client.destroy()
  })

  test('a slow backend holds the client back', async (t) => {
    const { promise: go, resolve: start_ } = Promise.withResolvers<void>()
    let octets = 0
    const data: Backend['data'] = async (_session, { id }, content) => {
      await go
      octets = (await readAll(content)).length
      return { id }
    }
    const { port } = await start(t, { backend: { ...keepingBackend([]), data } })
    const client = await ready(port)
    const before = process.memoryUsage().arrayBuffers
    const line = Buffer.from(`${'x'.repeat(65_534)}\r\n`)
    let sent = 0
    const sending = (async () => {
      for (; sent < 320; sent++) await client.send(line)
      await client.send('.\r\n')
    })()
    let seen = -1
    while (seen !== sent) {
      seen = sent
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    assert.ok(sent < 320, 'what the kernel buffers is less than the message')
    assert.ok(process.memoryUsage().arrayBuffers - before < 1_000_000)
    start_()
    await sending
    assert.equal(await client.reply(), '250 2.0.0 Ok: queued as 2')
    assert.equal(octets, 320 * 65_536)
    client.destroy()
  })
})
