import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createAccount } from '@kabutar/core/accounts/accounts.ts'
import { claimDomain } from '@kabutar/core/domains/domains.ts'
import { blobKey } from '@kabutar/core/messages/blob-keys.ts'
import { receivedMessageKey } from '@kabutar/core/store/keys.ts'
import { BlobFiles } from '@kabutar/local/files/blob-files.ts'
import { localBlobs } from '@kabutar/local/files/blobs.ts'
import { openEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteQueue } from '@kabutar/local/sqlite/queue.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { drainReceived, letter, receivePorts, take } from '@kabutar/testing/receiving-rig.ts'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { check } from './check.ts'

const HOURS_LATER = 2 * 3_600_000
const BIG = letter('From: e@far.test', randomBytes(100_000).toString('base64'))

/** Receives mail into a data folder, so that there are rows, small blobs and files. */
async function filled() {
  const folder = temporaryFolder()
  const engine = openEngine(folder)
  const rig = await receivePorts()
  const { clock } = rig
  const ports = {
    ...rig,
    table: sqliteTable(engine, clock),
    blobs: localBlobs(engine, folder, { baseUrl: new URL('http://127.0.0.1:1'), clock }),
    receiveQueue: sqliteQueue(engine, 'receive', clock, { maxAttempts: 5 }),
  }
  const { id: account } = await createAccount(ports, 'A')
  await claimDomain(ports, account, 'kabutar.test')
  const ids: string[] = []
  for (const raw of [letter('From: e@far.test'), BIG, BIG, BIG]) ids.push(...(await take(ports, raw)))
  await drainReceived(ports)
  const faults = async () => {
    const found: string[] = []
    for await (const line of check(folder, clock.now() + HOURS_LATER)) found.push(line)
    return found
  }
  return { folder, engine, ports, account, ids, faults, [Symbol.dispose]: () => engine.close() }
}

test('npm run check finds nothing wrong in a healthy folder, also while a server has it', async () => {
  using one = await filled()
  assert.deepEqual(await one.faults(), [])
})

test('it names damaged and missing blobs, orphans, and rows that are no JSON', async () => {
  using one = await filled()
  const { folder, engine, account, ids, ports } = one
  const [small = '', changed = '', gone = '', forgotten = ''] = ids.map((id) => blobKey(account, id))
  const files = new BlobFiles(folder)
  writeFileSync(files.pathOf(changed), 'x')
  rmSync(files.pathOf(gone))
  engine.db.prepare('DELETE FROM blob WHERE key = ?').run(small)
  await ports.table.write({ kind: 'delete', key: receivedMessageKey(account, ids[3] ?? '') })
  writeFileSync(join(folder, 'blobs', files.pathOf(changed).split('/').at(-2) ?? '', 'stray'), 'x')
  engine.db.exec(`INSERT INTO item (pk, sk, doc) VALUES ('p', 's', '{"pk"')`)
  const found = await one.faults()
  const expected = [
    new RegExp(`^blob ${changed}: damaged$`),
    new RegExp(`^blob ${gone}: its file .* is missing$`),
    new RegExp(`^row .*${ids[0]}: its blob ${small} is missing$`),
    new RegExp(`^blob ${forgotten}: no row names it$`),
    new RegExp(`^blob ${forgotten}/reading: no row names it$`),
    /^file blobs\/..\/stray: no row names it$/,
    /^row p s: no JSON$/,
  ]
  for (const pattern of expected)
    assert.equal(found.filter((line) => pattern.test(line)).length, 1, `${pattern} ${found}`)
  assert.equal(found.length, expected.length, found.join('\n'))
})
