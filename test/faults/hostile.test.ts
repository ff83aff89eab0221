/**
 * Two minutes of the hostile hour (`npm run bench hostile`): the real process with a heap of 512 MB takes honest mail by SMTP
 * and HTTP and tells its webhooks, while every attack of ./hostile begins and ends in turn.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endureHour } from './hostile/hour.ts'

const MINUTES = 2
const TURN_MS = [6000, 10_000] as const
const SETTLE_MS = 120_000
/** The target is a second, which is printed; a machine that does other work too is slower. */
const MAX_P99_MS = 30_000

test('two hostile minutes lose nothing that was acknowledged', { timeout: 6 * 60_000 }, async (t) => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
  const outcome = await endureHour({ minutes: MINUTES, seed, turnMs: TURN_MS, settleMs: SETTLE_MS })
  for (const line of outcome.report) t.diagnostic(line)
  assert.ok(outcome.lives, 'the process ended')
  assert.deepEqual(outcome.missing, { messages: [], webhooks: [] })
  assert.ok(outcome.honest > 0, 'no honest mail was accepted')
  assert.ok(outcome.p99Ms < MAX_P99_MS, `p99 of honest mail: ${outcome.p99Ms} ms`)
  assert.equal(JSON.parse(outcome.health).status, 'ok', outcome.health)
  assert.equal(outcome.exitCode, 0)
  const idle = outcome.tallies.filter(({ turns }) => turns === 0).map(({ name }) => name)
  assert.deepEqual(idle, [], 'attacks that had no turn')
})
