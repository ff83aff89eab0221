import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { countingTable } from '@kabutar/testing/counting-table.ts'
import { testClock } from '@kabutar/testing/sending-rig.ts'
import { StoreError } from '../ports/table.ts'
import { newCaches, STALE_MS } from '../store/cache.ts'
import { adoptKey, authenticate, createKey, deleteKey, type KeyPorts, listKeys } from './keys.ts'

const keysOf = async ({ table }: Pick<KeyPorts, 'table'>) => (await listKeys(table, 'a', { limit: 100 })).items

const KEY = { name: 'k', permission: 'full_access' } as const
const refused = { code: 'invalid_key' }

function rig() {
  const clock = testClock()
  const table = countingTable(sqliteTable(memoryEngine(), clock))
  return { table, clock, caches: newCaches(clock), ids: uuidIds(clock) }
}

test('a deleted key is refused at once by the process that deleted it, and by others five seconds later', async () => {
  const ports = rig()
  const other = { ...ports, caches: newCaches(ports.clock) }
  const { id, token } = await createKey(ports, 'a', KEY)
  for (const one of [ports, other]) assert.equal((await authenticate(one, token)).keyId, id)
  await deleteKey(ports, 'a', id)
  await assert.rejects(authenticate(ports, token), refused)
  ports.clock.advance(STALE_MS.apiKeys)
  await assert.rejects(authenticate(other, token), refused)
})

test('a new key works at once, also in a process that refused another before', async () => {
  const ports = rig()
  const other = { ...ports, caches: newCaches(ports.clock) }
  const { id, token } = await createKey(ports, 'a', KEY)
  await deleteKey(ports, 'a', id)
  await assert.rejects(authenticate(other, token), refused)
  const { token: fresh } = await createKey(ports, 'a', KEY)
  assert.equal((await authenticate(other, fresh)).accountId, 'a')
})

test('a key in use is read every five seconds, and its use is noted every hour', async () => {
  const ports = rig()
  const { token } = await createKey(ports, 'a', KEY)
  const from = ports.clock.now()
  ports.table.reset()
  for (let n = 0; n < 100; n++) {
    await authenticate(ports, token)
    ports.clock.advance(STALE_MS.apiKeys / 5)
  }
  assert.deepEqual(ports.table.units(), { write: 1, read: 20 })
  assert.equal((await keysOf(ports))[0]?.lastUsedAt?.getTime(), from)
  ports.clock.advance(3_600_000)
  await authenticate(ports, token)
  assert.equal((await keysOf(ports))[0]?.lastUsedAt?.getTime(), ports.clock.now())
})

test('the key of a setting ends when the setting changes, and keys of the API stay', async () => {
  const ports = rig()
  const { token } = await createKey(ports, 'a', KEY)
  const accepted = async (one: string) => (await authenticate(ports, one).catch(() => undefined)) !== undefined
  await adoptKey(ports, 'a', KEY, 're_first-of-the-setting')
  await adoptKey(ports, 'a', KEY, 're_first-of-the-setting')
  assert.equal((await keysOf(ports)).length, 2)
  await adoptKey(ports, 'a', KEY, 're_second-of-the-setting')
  assert.deepEqual(await Promise.all([token, 're_first-of-the-setting', 're_second-of-the-setting'].map(accepted)), [
    true,
    false,
    true,
  ])
  await adoptKey(ports, 'a', KEY, undefined)
  assert.deepEqual(await Promise.all([token, 're_second-of-the-setting'].map(accepted)), [true, false])
})

test('a key is accepted while the store takes no writes, and its use is noted later', async () => {
  const ports = rig()
  const { id, token } = await createKey(ports, 'a', KEY)
  const full = () => Promise.reject(new StoreError('Unavailable', 'the disk is full'))
  const reading = { ...ports, table: { ...ports.table, write: full }, caches: newCaches(ports.clock) }
  assert.equal((await authenticate(reading, token)).keyId, id)
  assert.equal((await keysOf(ports))[0]?.lastUsedAt, undefined)
  await authenticate(ports, token)
  assert.ok((await keysOf(ports))[0]?.lastUsedAt)
})

test('of 150 keys that are made at once 100 are, all of them are listed, and a deleted one makes room for one', async () => {
  const ports = rig()
  const made = await Promise.allSettled(Array.from({ length: 150 }, () => createKey(ports, 'a', KEY)))
  const ids = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value.id] : []))
  assert.equal(ids.length, 100)
  assert.deepEqual(new Set((await keysOf(ports)).map(({ id }) => id)), new Set(ids))
  const [first = ''] = ids
  const deleted = await Promise.allSettled(Array.from({ length: 20 }, () => deleteKey(ports, 'a', first)))
  assert.ok(deleted.some(({ status }) => status === 'fulfilled'))
  await createKey(ports, 'a', KEY)
  await assert.rejects(createKey(ports, 'a', KEY), { code: 'conflict' })
})
