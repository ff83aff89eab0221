/** As many addresses as nobody waits for: see packages/mail/src/address.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { composedFaults, roundTrips } from '@kabutar/mail/address.contract.ts'

const TRIES = Number(process.env.ADDRESS_TRIES ?? 400_000)
const COMPOSED = 4000

test('random text is refused, or is a mailbox that is written and read back the same', async (t) => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
  // A refusal is an error, and most of its cost is the stack that nobody reads.
  Error.stackTraceLimit = 0
  const { taken, faults } = roundTrips(TRIES, seed)
  Error.stackTraceLimit = 10
  t.diagnostic(`${TRIES} texts with SEED=${seed}, ${taken.length} are mailboxes, ${COMPOSED} are composed`)
  assert.deepEqual(faults, [])
  assert.ok(taken.length >= COMPOSED)
  assert.deepEqual(await composedFaults(taken.slice(0, COMPOSED)), [])
})
