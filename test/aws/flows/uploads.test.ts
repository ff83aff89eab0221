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
import { prepare } from '../flow-server.ts'
import { type Platform, type Running, startPlatform } from '../platform.ts'
import { uploadPresigned } from '../presigned.ts'

/** For tests alone. */
const API_KEY = 're_dGVzdC1vbmx5LWtleS10ZXN0LW9ubHkta2V5LXRlc3Q'
/** More than a request of a Lambda function may have. */
const LARGE = 8_000_000

describe('on the built functions a large attachment goes straight to S3', () => {
  let platform: Platform
  let running: Running
  let resend: Resend
  let folder: string
  before(async () => {
    platform = await startPlatform(() => undefined)
    await prepare(platform, API_KEY)
    running = await platform.run()
    resend = new Resend(API_KEY, { baseUrl: running.url })
    folder = await mkdtemp(join(tmpdir(), 'uploads-'))
  })
  after(async () => {
    await running?.stop()
    await platform?.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('by a link that S3 would hold to its size, and SES gets it whole', { timeout: 120_000 }, async () => {
    const body = randomBytes(LARGE)
    const asked = await resend.post<{ id: string; url: string }>('/uploads', { size: LARGE })
    assert.equal(asked.error, null)
    const { id = '', url = '' } = asked.data ?? {}
    assert.ok(url.startsWith(platform.sqsS3.endpoint), 'not through a function')
    assert.equal((await uploadPresigned(new URL(url), randomBytes(LARGE + 1))).status, 403)
    const file = join(folder, 'large.bin')
    await writeFile(file, body)
    const curl = await promisify(execFile)('curl', ['-sS', '-o', '/dev/null', '-w', '%{http_code}', '-T', file, url])
    assert.equal(curl.stdout, '200')
    const sent = await resend.post<{ id: string }>('/emails', {
      from: 'ada@kabutar.test',
      to: 'bob@y.test',
      subject: 'large',
      text: 'see the file',
      attachments: [{ upload_id: id, filename: 'large.bin' }],
    })
    assert.equal(sent.error, null)
    const mail = await mailOf(sent.data?.id ?? '')
    const encoded = body.toString('base64').replace(/.{76}/g, '$&\r\n')
    assert.ok(mail.includes(encoded), `${mail.length} bytes`)
  })

  async function mailOf(id: string): Promise<Buffer> {
    for (let tries = 0; tries < 400; tries++) {
      const mail = platform.ses.sent.find(({ tags }) => tags.kabutar_id === id)
      if (mail) return mail.raw
      await sleep(50)
    }
    throw new Error('SES got no such mail')
  }
})
