/** An account that stores as much as it may: nothing more is taken, and everything can be read and deleted. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FIRST_ACCOUNT } from '@kabutar/core/accounts/accounts.ts'
import { GB } from '@kabutar/core/accounts/storage.ts'
import { formatOf } from '@kabutar/core/store/codec.ts'
import { storageKey } from '@kabutar/core/store/keys.ts'
import { openEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { startServer } from './support/server.ts'
import { connectSender } from './support/smtp-sender.ts'

const skip = process.env.KABUTAR_FLOW === 'aws' && 'it writes the sum into the data folder'

/** A sum that no sweep replaces, since it is not due. */
async function storing(gigabytes: number): Promise<string> {
  const folder = temporaryFolder()
  const engine = openEngine(folder)
  const set = { ...formatOf('storage'), bytes: gigabytes * GB }
  await sqliteTable(engine, systemClock).write({ kind: 'update', key: storageKey(FIRST_ACCOUNT), set })
  engine.close()
  return folder
}

test('RCPT is answered 452 4.2.2 and the API 403, and with KABUTAR_STORAGE=off neither', { skip }, async () => {
  await using server = await startServer({ dataFolder: await storing(10) })
  const send = (path: string, body: object) =>
    fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${server.apiKey}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
  const mail = { from: 'a@kabutar.test', to: 'b@kabutar.test', subject: 's', text: 't' }
  const raw = Buffer.from('Subject: s\r\n\r\nt\r\n')
  const all = async () => [
    await send('/emails', mail),
    await send('/uploads', { size: 9 }),
    await send('/emails/receiving/inject', { raw: raw.toString('base64'), to: ['b@kabutar.test'] }),
  ]
  for (const answer of await all()) {
    const { name } = (await answer.json()) as { name: string }
    assert.deepEqual([answer.status, name], [403, 'email_above_quota'])
  }
  const deliver = async () => {
    const sender = await connectSender(server.smtpPort ?? 0)
    try {
      return await sender.send('b@kabutar.test', raw)
    } finally {
      sender.close()
    }
  }
  await assert.rejects(deliver(), /452 4\.2\.2 The account stores as much as it may/)
  await server.restart({ KABUTAR_STORAGE: 'off' })
  assert.deepEqual(
    (await all()).map(({ status }) => status),
    [200, 201, 201],
  )
  await deliver()
})
