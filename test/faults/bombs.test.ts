/**
 * Each bomb of ./hostile by itself, against a process with a heap of 512 MB: every request is answered, and every mail is
 * received, read and deleted.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Server, startServer } from '../flows/support/server.ts'
import { connectSender } from '../flows/support/smtp-sender.ts'
import { MIME_BOMBS } from './hostile/mime-bombs.ts'
import { JSON_BOMBS } from './hostile/request-bombs.ts'

/** As many as there are threads for reading. */
const LANES = 2
const READ_MS = 60_000

let server: Server
before(async () => {
  server = await startServer({ env: { NODE_OPTIONS: '--max-old-space-size=512', KABUTAR_LOG: 'error' } })
})
after(async () => {
  await server?.close()
})

type Named = readonly [name: string, make: () => string]

/** Works on all bombs, two at a time, and answers what is said of those that fail. */
async function failures(bombs: readonly Named[], work: (bomb: Buffer) => Promise<void>): Promise<readonly string[]> {
  const waiting = bombs.values()
  const failed: string[] = []
  const lane = async () => {
    for (const [name, make] of waiting)
      await work(Buffer.from(make(), 'latin1')).catch((error) => failed.push(`${name}: ${error}`))
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  return failed
}

/** Asks over a connection of its own: one that was kept may be closed while the bomb is still being written. */
async function ask(method: string, path: string, body?: Buffer) {
  const headers = { Authorization: `Bearer ${server.apiKey}`, 'Content-Type': 'application/json' }
  const asked = request(`${server.url}${path}`, { method, agent: false, headers }).end(body)
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  return { status: answer.statusCode ?? 0, body: await text(answer) }
}

async function assertLives(pid: number): Promise<void> {
  assert.deepEqual([server.pid, (await ask('GET', '/health')).status], [pid, 200])
}

test('20 bodies of JSON are answered, none with 5xx', async () => {
  const { pid } = server
  const bombs = Object.entries(JSON_BOMBS)
  assert.equal(bombs.length, 20)
  const failed = await failures(bombs, async (bomb) => {
    const { status, body } = await ask('POST', '/emails', bomb)
    assert.ok(status < 500, `${status} ${body.slice(0, 200)}`)
  })
  assert.deepEqual(failed, [])
  await assertLives(pid)
})

test('65 mails are received, read and deleted', async () => {
  const { pid } = server
  const bombs = Object.values(MIME_BOMBS).flatMap((group) => Object.entries(group))
  assert.equal(bombs.length, 65)
  const failed = await failures(bombs, async (bomb) => {
    const sender = await connectSender(server.smtpPort ?? 0)
    const id = await sender.send('ada@kabutar.test', bomb).finally(() => sender.close())
    const path = `/emails/receiving/${id}`
    for (const end = Date.now() + READ_MS; (await ask('GET', path)).status !== 200; await sleep(50)) {
      assert.ok(Date.now() < end, 'not readable')
    }
    assert.equal((await ask('GET', `${path}/attachments`)).status, 200, 'attachments')
    assert.equal((await ask('DELETE', path)).status, 200, 'deletion')
    assert.equal((await ask('GET', path)).status, 404, 'after deletion')
  })
  assert.deepEqual(failed, [])
  await assertLives(pid)
})
