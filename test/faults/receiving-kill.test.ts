/**
 * Kills the real server process many times while mail comes in by SMTP, always on the same data folder. Every message that was
 * answered 250 is read through the API once, byte for byte. Only a message that was offered twice, because the first answer
 * was lost, may have a second copy.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteQueue } from '@kabutar/local/sqlite/queue.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { seeded } from '@kabutar/testing/faults.ts'
import { type Listed, rawOf, untilListed } from '../flows/support/inbox.ts'
import { type Server, startServer } from '../flows/support/server.ts'
import { type MailLoad, sha256, startMailLoad } from './mail-load.ts'

const ROUNDS = 12
const MOST_ROUNDS = 40
const ANSWERED = 1500
const LONGEST_MS = 1000
const CONNECTIONS = 16
const SETTLE_MS = 60_000

test('nothing answered 250 is lost by kills at random moments', { timeout: 5 * 60_000 }, async (t) => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
  const random = seeded(seed)
  await using server = await startServer({ env: { KABUTAR_LOG: 'error' } })
  const load = startMailLoad(random)
  let rounds = 0
  while (rounds < ROUNDS || (load.answered.size < ANSWERED && rounds < MOST_ROUNDS)) {
    await killUnderLoad(server, load, LONGEST_MS * random())
    rounds++
    await server.restart()
    await load.retry(server.smtpPort ?? 0)
  }
  const listed = await untilListed(server, load.answered.keys(), SETTLE_MS)
  const { size: answered } = load.answered
  const copies = listed.length - new Set(listed.map(({ subject }) => subject)).size
  t.diagnostic(`seed ${seed}: ${rounds} rounds, ${answered} answered 250, ${listed.length} listed`)
  t.diagnostic(`${load.unanswered.size} offers lost their answer, ${copies} of these are there twice`)

  assert.ok(answered >= ANSWERED, `only ${answered} were answered`)
  assert.deepEqual(load.broken.slice(0, 5), [])
  assertOnce(listed, load)
  for (const [id, message] of load.answered) assert.equal(sha256(await rawOf(server, id)), message.sha256, id)
  assert.equal(await server.stop(), 0)
  await assertQueuesEmpty(server.dataFolder)
})

async function killUnderLoad(server: Server, load: MailLoad, afterMs: number): Promise<void> {
  const dead = new AbortController()
  const sending = load.send(server.smtpPort ?? 0, CONNECTIONS, dead.signal)
  await sleep(afterMs)
  // Senders notice a kill by their lost connections, as real ones do.
  await server.kill()
  dead.abort()
  await sending
}

function assertOnce(listed: readonly Listed[], load: MailLoad): void {
  assert.equal(new Set(listed.map(({ id }) => id)).size, listed.length, 'an id is listed twice')
  const subjects = new Set([...load.answered.values()].map(({ subject }) => subject))
  // A message that was in hand at several kills is stored unread, without a subject; its bytes are compared like the others'.
  const read = listed.filter(({ subject }) => subject !== '')
  for (const [subject, copies] of Map.groupBy(read, (message) => message.subject)) {
    const lost = load.unanswered.get(subject) ?? 0
    const most = (subjects.has(subject) ? 1 : 0) + lost
    assert.ok(copies.length <= most, `${subject}: ${copies.length} copies, and ${lost} answers were lost`)
  }
}

async function assertQueuesEmpty(dataFolder: string): Promise<void> {
  const engine = openEngine(dataFolder)
  try {
    for (const name of ['receive', 'receive:dlq']) {
      const depth = await sqliteQueue(engine, name, systemClock, { maxAttempts: 5 }).depth()
      assert.deepEqual(depth, { ready: 0, leased: 0, delayed: 0 }, name)
    }
  } finally {
    engine.close()
  }
}
