/**
 * Makes a backup while mail is sent over HTTP and received over SMTP at full speed. Then it kills the server, deletes its
 * data and starts another on the backup, which has every message that was acknowledged before the backup began.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { seeded } from '@kabutar/testing/faults.ts'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { rawOf, untilListed } from '../flows/support/inbox.ts'
import { type Server, startServer } from '../flows/support/server.ts'
import { startLoad } from './load.ts'
import { sha256, startMailLoad } from './mail-load.ts'

const BACKUP = join(import.meta.dirname, '../../packages/cli/src/backup.ts')
const CONNECTIONS = 8
const BEFORE_MS = 3000
const AFTER_MS = 500
const SETTLE_MS = 60_000

test('a backup under load has every message that was acknowledged before it began', {
  timeout: 5 * 60_000,
}, async (t) => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
  const random = seeded(seed)
  const [data, backups] = [temporaryFolder(), temporaryFolder()]
  const backup = join(backups, 'today')
  const [sending, receiving] = [startLoad(random), startMailLoad(random)]
  const stop = new AbortController()
  const server = await startServer({ dataFolder: data, env: { KABUTAR_LOG: 'error' } })
  const loads = Promise.all([
    sending.post(server, CONNECTIONS, stop.signal),
    receiving.send(server.smtpPort ?? 0, CONNECTIONS, stop.signal),
  ])
  await sleep(BEFORE_MS)
  const sent = [...sending.acknowledged]
  const received = new Map(receiving.answered)
  const from = Date.now()
  await promisify(execFile)(process.execPath, [BACKUP, backup, '--data', data])
  const took = Date.now() - from
  await sleep(AFTER_MS)
  await server.kill()
  stop.abort()
  await loads
  rmSync(data, { recursive: true })
  t.diagnostic(
    `seed ${seed}: ${sent.length} sent and ${received.size} received before the backup, which took ${took} ms`,
  )
  t.diagnostic(`${sending.acknowledged.size} sent and ${receiving.answered.size} received in all`)
  assert.ok(sent.length > 100 && received.size > 100, 'too few messages')
  assert.ok(
    sending.acknowledged.size > sent.length && receiving.answered.size > received.size,
    'no load during the backup',
  )

  await using restored = await startServer({ dataFolder: backup, env: { KABUTAR_LOG: 'error' } })
  for (const id of sent) await assertSent(restored, id)
  const listed = await untilListed(restored, received.keys(), SETTLE_MS)
  for (const { id } of listed) {
    // Messages that were received while the backup ran may be missing, but are whole if they are there.
    const expected = receiving.answered.get(id)?.sha256
    const actual = sha256(await rawOf(restored, id))
    if (expected !== undefined) assert.equal(actual, expected, id)
  }
  assert.equal(await restored.stop(), 0)
})

async function assertSent({ url, apiKey }: Server, id: string): Promise<void> {
  const answer = await fetch(`${url}/emails/${id}`, { headers: { Authorization: `Bearer ${apiKey}` } })
  const { text } = (await answer.json()) as { text: string }
  assert.equal(answer.status, 200, id)
  assert.ok(text.length >= 600, `${id} has lost its content`)
}
