/**
 * Kills the real server process many times under load, always on the same data folder. Every message that was answered 200
 * reaches the next hop at least once. It arrives more than once only if the process died between the next hop's acceptance
 * and its record.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteQueue } from '@kabutar/local/sqlite/queue.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { SENDING_AT_ONCE } from '@kabutar/server/workers.ts'
import { seeded } from '@kabutar/testing/faults.ts'
import { type Server, startServer } from '../flows/support/server.ts'
import { type SmtpPeer, startSmtpPeer } from '../flows/support/smtp-peer.ts'
import { type Load, startLoad } from './load.ts'

const ROUNDS = 20
const MOST_ROUNDS = 60
const ACKNOWLEDGED = 5000
const LONGEST_MS = 2000
const CONNECTIONS = 16
/** The sweep queues a message whose entry was lost after 2 minutes; the rest of the time is for the backlog. */
const SETTLE_MS = 5 * 60_000
/** So many messages are also read one by one. */
const SAMPLE = 500

test('nothing acknowledged is lost by kills at random moments', { timeout: 10 * 60_000 }, async (t) => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
  const random = seeded(seed)
  await using peer = await startSmtpPeer()
  await using server = await startServer({ env: { KABUTAR_RELAY: peer.url, KABUTAR_LOG: 'error' } })
  const load = startLoad(random)
  let rounds = 0
  while (rounds < ROUNDS || (load.acknowledged.size < ACKNOWLEDGED && rounds < MOST_ROUNDS)) {
    await killUnderLoad(server, load, LONGEST_MS * random())
    rounds++
    await server.restart()
    await load.retry(server)
  }
  await load.repeat(server)
  const statuses = await allFinal(server)
  const { unknown, lost, duplicates } = compare(load, peer, statuses)
  const { size: acked } = load.acknowledged
  t.diagnostic(`seed ${seed}: ${rounds} rounds, ${acked} acknowledged, ${statuses.size} accepted, ${lost.length} lost`)
  t.diagnostic(`${duplicates} sent twice, at most ${SENDING_AT_ONCE} in hand at each of ${rounds} kills`)

  assert.ok(acked >= ACKNOWLEDGED, `only ${acked} were acknowledged`)
  assert.equal(load.broken.length, 0, load.broken.slice(0, 5).join('\n'))
  assert.equal(lost.length, 0, `acknowledged and never sent: ${lost.slice(0, 5)}`)
  assert.equal(unknown.length, 0, `sent and unknown to us, or acknowledged and not listed: ${unknown.slice(0, 5)}`)
  const untrue = [...statuses].filter(([, status]) => status !== 'sent')
  assert.equal(untrue.length, 0, `not sent: ${untrue.slice(0, 5)}`)
  assert.ok(duplicates <= rounds * SENDING_AT_ONCE)
  await assertEachSent(server, [...load.acknowledged].slice(-SAMPLE))
  assert.equal(await server.stop(), 0)
  await assertQueuesEmpty(server.dataFolder)
})

async function killUnderLoad(server: Server, load: Load, afterMs: number): Promise<void> {
  const dead = new AbortController()
  const posting = load.post(server, CONNECTIONS, dead.signal)
  await sleep(afterMs)
  dead.abort()
  await server.kill()
  await posting
}

/** Answers the outcome of every stored message, acknowledged or not, once none is pending. */
async function allFinal(server: Server): Promise<ReadonlyMap<string, string>> {
  const end = Date.now() + SETTLE_MS
  for (;;) {
    const statuses = await listAll(server)
    const open = [...statuses.values()].filter((status) => status === 'queued').length
    if (open === 0) return statuses
    assert.ok(Date.now() < end, `${open} messages are still queued\n${server.stderr.slice(-5).join('\n')}`)
    await sleep(1000)
  }
}

async function listAll(server: Server): Promise<Map<string, string>> {
  const statuses = new Map<string, string>()
  let after: string | undefined
  do {
    const query = after === undefined ? '' : `&after=${after}`
    const answer = await fetch(`${server.url}/emails?limit=100${query}`, {
      headers: { Authorization: `Bearer ${server.apiKey}` },
    })
    const page = (await answer.json()) as { has_more: boolean; data: { id: string; last_event: string }[] }
    for (const { id, last_event } of page.data) statuses.set(id, last_event)
    after = page.has_more ? page.data.at(-1)?.id : undefined
  } while (after !== undefined)
  return statuses
}

async function assertEachSent(server: Server, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const answer = await fetch(`${server.url}/emails/${id}`, { headers: { Authorization: `Bearer ${server.apiKey}` } })
    const { last_event, recipients, text } = (await answer.json()) as Record<string, unknown>
    const [recipient] = recipients as { last_event: string }[]
    assert.deepEqual([last_event, recipient?.last_event, typeof text], ['sent', 'sent', 'string'], id)
  }
}

/** Compares the next hop's count with ours; the return path names the message. */
function compare(load: Load, peer: SmtpPeer, statuses: ReadonlyMap<string, string>) {
  const times = new Map<string, number>()
  for (const { envelope } of peer.received()) {
    const id = /^bounces\+(.+)@kabutar\.test$/.exec(envelope.returnPath)?.[1] ?? envelope.returnPath
    times.set(id, (times.get(id) ?? 0) + 1)
  }
  const ids = [...load.acknowledged, ...times.keys()]
  return {
    lost: [...load.acknowledged].filter((id) => !times.has(id)),
    unknown: ids.filter((id) => !statuses.has(id)),
    duplicates: [...times.values()].reduce((sum, count) => sum + count - 1, 0),
  }
}

async function assertQueuesEmpty(dataFolder: string): Promise<void> {
  const engine = openEngine(dataFolder)
  for (const name of ['send', 'send:dlq']) {
    const depth = await sqliteQueue(engine, name, systemClock, { maxAttempts: 5 }).depth()
    // The sweep queues a message up to a minute ahead; an entry that then finds it sent is dropped.
    assert.deepEqual({ ...depth, delayed: 0 }, { ready: 0, leased: 0, delayed: 0 }, name)
  }
  engine.close()
}
