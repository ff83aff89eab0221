/** Bombs of strangers and bursts of large requests against a process with a heap of 512 MB: it lives, and every mail is kept. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { json } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { residentBytes } from '../bench/measure.ts'
import { type Server, startServer } from '../flows/support/server.ts'
import { connectSender } from '../flows/support/smtp-sender.ts'
import { startWebhookReceiver } from '../flows/support/webhook-receiver.ts'

const MB = 1024 * 1024
const HEAP = { NODE_OPTIONS: '--max-old-space-size=512' }
const HEAD = 'From: eve@far.test\r\nTo: ada@kabutar.test\r\nSubject: bomb\r\nMIME-Version: 1.0\r\n'

const names = (size: number) =>
  Buffer.from(
    `${HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n${`--b\r\nContent-Type: a/b; name="${'\u0001'.repeat(size)}"\r\n\r\n\r\n`.repeat(999)}--b--\r\n`,
    'latin1',
  )
const addresses = (messages: number) => {
  const fields = ['To', 'Cc', 'Bcc', 'From', 'Sender', 'Reply-To'].map((name) => `${name}: ${'a,'.repeat(2000)}\r\n`)
  const part = `--b\r\n\r\n${fields.join('')}\r\nx\r\n`
  return Buffer.from(`${HEAD}Content-Type: multipart/digest; boundary=b\r\n\r\n${part.repeat(messages)}--b--\r\n`)
}

const ask = async (server: Server, path: string, init: RequestInit = {}) => {
  const answer = await fetch(`${server.url}${path}`, {
    ...init,
    headers: { Authorization: `Bearer ${server.apiKey}`, 'Content-Type': 'application/json' },
  })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

/** Posts over a connection of its own: one that was kept may be closed by the server while 40 MB are still being written. */
async function postOnce(server: Server, body: string) {
  const headers = { Authorization: `Bearer ${server.apiKey}`, 'Content-Type': 'application/json' }
  const sent = request(`${server.url}/emails`, { method: 'POST', agent: false, headers }).end(body)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return { status: answer.statusCode ?? 0, body: (await json(answer)) as Record<string, unknown> }
}

/** Asks until the message can be read. */
async function read(server: Server, id: string) {
  const deadline = Date.now() + 60_000
  for (;;) {
    const answer = await ask(server, `/emails/receiving/${id}`)
    if (answer.status === 200 || Date.now() > deadline) return answer
    await sleep(200)
  }
}

async function peakMb(server: Server, work: () => Promise<void>): Promise<number> {
  let peak = 0
  const timer = setInterval(() => {
    peak = Math.max(peak, residentBytes(server.pid))
  }, 50)
  await work().finally(() => clearInterval(timer))
  return Math.round(peak / MB)
}

describe('a process with a heap of 512 MB', () => {
  for (const { name, bomb } of [
    { name: '999 names of 25,000 control characters', bomb: () => names(25_000) },
    {
      name: '999 names of 39,000 letters',
      bomb: () => Buffer.from(names(39_000).toString('latin1').replaceAll('\u0001', 'a')),
    },
    { name: 'a digest of 900 messages with 6 x 2,000 addresses', bomb: () => addresses(900) },
  ]) {
    test(`lives through six mails of ${name}`, { timeout: 180_000 }, async (t) => {
      await using receiver = await startWebhookReceiver()
      await using server = await startServer({ env: HEAP })
      const { body } = await ask(server, '/webhooks', {
        method: 'POST',
        body: JSON.stringify({ endpoint: receiver.url('/told'), events: ['email.received'] }),
      })
      receiver.trust('/told', String(body.signing_secret))
      const { pid } = server
      const raw = bomb()
      const send = async (content: Buffer) => {
        const sender = await connectSender(server.smtpPort ?? 0)
        const id = await sender.send('ada@kabutar.test', content)
        sender.close()
        return id
      }
      const sendHonest = async () => {
        const kept: string[] = []
        for (let n = 0; n < 20; n++) kept.push(await send(Buffer.from(`Subject: honest ${n}\r\n\r\nhello\r\n`)))
        return kept
      }
      const peak = await peakMb(server, async () => {
        const [kept, ...ids] = await Promise.all([sendHonest(), ...Array.from({ length: 6 }, () => send(raw))])
        for (const id of ids) {
          const mail = await read(server, id)
          assert.equal(mail.status, 200)
          assert.notDeepEqual(mail.body.truncated, [])
          assert.equal((await ask(server, `/emails/receiving/${id}/attachments`)).status, 200)
        }
        const { data } = (await ask(server, '/emails/receiving?limit=100')).body as { data: { id: string }[] }
        assert.deepEqual(new Set(data.map(({ id }) => id)), new Set([...ids, ...kept]))
        for (const id of ids) {
          assert.equal((await ask(server, `/emails/receiving/${id}`, { method: 'DELETE' })).status, 200)
          assert.equal((await ask(server, `/emails/receiving/${id}`)).status, 404)
        }
        await receiver.waitFor('/told', (told) => told.length >= 26, 20_000)
      })
      t.diagnostic(`${(raw.length / MB).toFixed(0)} MB each, at most ${peak} MB`)
      assert.equal(server.pid, pid)
      process.kill(pid, 0)
    })
  }

  test('answers 24 requests of 40 MB at once with 200 or 503, and 20 readings of one such mail', {
    timeout: 180_000,
  }, async (t) => {
    await using server = await startServer({ env: HEAP })
    const mail = { from: 'ada@kabutar.test', to: 'bob@y.test', subject: 's', text: 't' }
    const content = Buffer.alloc(29 * MB, 1).toString('base64')
    const withFile = JSON.stringify({ ...mail, attachments: [{ filename: 'a', content }] })
    const withText = JSON.stringify({ ...mail, text: 'x'.repeat(38 * MB) })
    const post = (body: string) => postOnce(server, body)
    const answers: Record<number, number> = {}
    const count = ({ status }: { status: number }) => {
      answers[status] = (answers[status] ?? 0) + 1
    }
    const peak = await peakMb(server, async () => {
      for (const body of [withFile, withText]) {
        const all = await Promise.all(Array.from({ length: 24 }, () => post(body)))
        for (const answer of all) count(answer)
        const id = all.find(({ status }) => status === 200)?.body.id
        const readings = await Promise.all(Array.from({ length: 20 }, () => ask(server, `/emails/${id}`)))
        for (const answer of readings) count(answer)
      }
    })
    t.diagnostic(`${JSON.stringify(answers)}, at most ${peak} MB`)
    assert.deepEqual(Object.keys(answers), ['200', '503'])
    assert.equal((await ask(server, '/health')).status, 200)
  })
})
