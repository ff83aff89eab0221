import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Resend } from 'resend'
import { type Server, startServer } from './support/server.ts'

type Upload = { id: string; url: string; headers: Record<string, string> }
const run = promisify(execFile)

describe('a large attachment is uploaded before its message', () => {
  let server: Server
  let resend: Resend
  let folder: string
  before(async () => {
    server = await startServer()
    resend = new Resend(server.apiKey, { baseUrl: server.url })
    folder = await mkdtemp(join(tmpdir(), 'uploads-'))
  })
  after(async () => {
    await server?.close()
    await rm(folder, { recursive: true, force: true })
  })

  const ask = async (size: number): Promise<Upload> => {
    const { data, error } = await resend.post<Upload>('/uploads', { size })
    assert.equal(error, null)
    return data as Upload
  }
  const curl = async (file: string, url: string) =>
    (await run('curl', ['-sS', '-o', '-', '-w', '%{http_code}', '-H', 'If-None-Match: *', '-T', file, url])).stdout

  test('files that curl and fetch put arrive at the recipient unchanged', { timeout: 60_000 }, async () => {
    const [large, small] = [randomBytes(20_000_000), randomBytes(1000)]
    const path = join(folder, 'large.bin')
    await writeFile(path, large)
    const [first, second] = [await ask(large.length), await ask(small.length)]
    assert.match(await curl(path, first.url), /200$/)
    const put = await fetch(second.url, { method: 'PUT', body: small, headers: second.headers })
    assert.equal(put.status, 200)
    const sent = await resend.post<{ id: string }>('/emails', {
      from: 'ada@kabutar.test',
      to: 'files@kabutar.test',
      subject: 'files',
      text: 'Here they are.',
      attachments: [
        { upload_id: first.id, filename: 'large.bin' },
        { upload_id: second.id, filename: 'small.png', content_type: 'image/png', content_id: 'small' },
      ],
    })
    assert.equal(sent.error, null)
    const id = await received('files')
    const { data } = await resend.emails.receiving.attachments.list({ emailId: id })
    for (const [filename, body] of [
      ['large.bin', large],
      ['small.png', small],
    ] as const) {
      const file = data?.data.find((one) => one.filename === filename)
      const bytes = Buffer.from(await (await fetch(file?.download_url ?? '')).arrayBuffer())
      assert.ok(bytes.equals(body), filename)
    }
  })

  test('a file of another size is refused, and nothing of it is stored', async () => {
    const path = join(folder, 'other.bin')
    const { id, url } = await ask(1000)
    for (const size of [999, 1001]) {
      await writeFile(path, randomBytes(size))
      assert.match(await curl(path, url), /403$/)
    }
    const email = { from: 'ada@kabutar.test', to: 'b@kabutar.test', subject: 's', text: 't' }
    const { error } = await resend.post('/emails', { ...email, attachments: [{ upload_id: id }] })
    assert.equal(error?.name, 'invalid_attachment')
  })

  test('a second file to the same link is refused, and replaces nothing', async () => {
    const { id, url } = await ask(1000)
    const path = join(folder, 'twice.bin')
    const first = randomBytes(1000)
    for (const [body, status] of [
      [first, /200$/],
      [randomBytes(1000), /(403|412)$/],
    ] as const) {
      await writeFile(path, body)
      assert.match(await curl(path, url), status)
    }
    const email = { from: 'ada@kabutar.test', to: 'files@kabutar.test', subject: 'once', text: 't' }
    const { error } = await resend.post('/emails', { ...email, attachments: [{ upload_id: id, filename: 'a' }] })
    assert.equal(error, null)
    const { data } = await resend.emails.receiving.attachments.list({ emailId: await received('once') })
    const bytes = Buffer.from(await (await fetch(data?.data[0]?.download_url ?? '')).arrayBuffer())
    assert.ok(bytes.equals(first))
  })

  async function received(subject: string): Promise<string> {
    for (let tries = 0; tries < 400; tries++) {
      const { data } = await resend.emails.receiving.list({ limit: 10 })
      const found = data?.data.find((email) => email.subject === subject)
      if (found) return found.id
      await sleep(50)
    }
    throw new Error('the message was not received')
  }
})
