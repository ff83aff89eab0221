/** The servers of the accept benchmark: `kabutar` without its workers, and the two peers that it is compared with. */

import { serve } from '@hono/node-server'
import { createKey } from '@kabutar/core/accounts/keys.ts'
import { claimDomain } from '@kabutar/core/domains/domains.ts'
import { directCompute } from '@kabutar/core/ports/compute.ts'
import { newCaches } from '@kabutar/core/store/cache.ts'
import { Semaphore } from '@kabutar/core/store/semaphore.ts'
import { createApp } from '@kabutar/http/app.ts'
import { SendRequest } from '@kabutar/http/send-request.ts'
import { localBlobs } from '@kabutar/local/files/blobs.ts'
import { localIdentities } from '@kabutar/local/identity/identities.ts'
import { defaultMemoryBytes } from '@kabutar/local/memory.ts'
import { openEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteQueue } from '@kabutar/local/sqlite/queue.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { Hono } from 'hono'

const [folder = '', kind = ''] = process.argv.slice(2)
const engine = openEngine(folder)
const clock = systemClock
const ids = uuidIds(clock)

async function kabutar(): Promise<Hono> {
  const quiet = { debug() {}, info() {}, warn() {}, error: console.error }
  const blobs = localBlobs(engine, folder, { clock, baseUrl: new URL('http://127.0.0.1') })
  const table = sqliteTable(engine, clock)
  const records = { txt: async () => [], mx: async () => [] }
  const ports = {
    table,
    identities: localIdentities({ table, records, hostname: 'kabutar.test' }),
    webhookRetriesMs: [0],
    blobs,
    downloads: blobs,
    sendQueue: sqliteQueue(engine, 'send', clock, { maxAttempts: 5 }),
    receiveQueue: sqliteQueue(engine, 'receive', clock, { maxAttempts: 5 }),
    webhookQueue: sqliteQueue(engine, 'webhooks', clock, { maxAttempts: 5 }),
    allowPrivate: true,
    clock,
    compute: directCompute,
    memory: new Semaphore(defaultMemoryBytes(), clock),
    caches: newCaches(clock),
    ids,
    log: quiet,
    random: Math.random,
  }
  await claimDomain(ports, 'a', 'kabutar.test')
  const { token } = await createKey(ports, 'a', { name: 'bench', permission: 'full_access' })
  console.log(`token ${token}`)
  return createApp(ports) as unknown as Hono
}

/** Reads and checks the same body and stores nothing. */
const bare = () =>
  new Hono().post('/emails', async (c) => {
    SendRequest.parse(await c.req.json())
    return c.json({ id: ids.next() })
  })

/** Does the same with one durable insert of the body; callers of one turn share the fsync. */
function oneInsert(): Hono {
  engine.db.exec('CREATE TABLE mail (id TEXT PRIMARY KEY, body TEXT)')
  const insert = engine.db.prepare('INSERT INTO mail VALUES (?, ?)')
  return new Hono().post('/emails', async (c) => {
    const body = SendRequest.parse(await c.req.json())
    const id = ids.next()
    await engine.commit(() => insert.run(id, JSON.stringify(body)))
    return c.json({ id })
  })
}

process.once('SIGINT', () => process.exit(0))
const app = kind === 'kabutar' ? await kabutar() : kind === 'insert' ? oneInsert() : bare()
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => console.log(`port ${port}`))
