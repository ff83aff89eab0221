import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { executionsUpTo } from '../executions.ts'
import { type Load, startLoad } from '../load.ts'

/** What AWS gives to a new account; and a busy day of its table. */
const EXECUTIONS = 10
const SEND_RATE = 14
const THROTTLED = 0.2

/** How often an entry that waits is looked after: a throttle may meet it again each time. */
const LOOKS = 8
const LONGEST_WAIT_MS = 16 * 60_000

/**
 * Lets time pass until what a throttle has held up is due. An entry waits in the table for as long as it has waited so far,
 * at most 15 minutes; so does a message whose attempt was begun and not ended, until an event says that SES has it.
 */
async function healed(load: Load): Promise<void> {
  for (let look = 1; ; look++) {
    await load.later(look === 1 ? undefined : LONGEST_WAIT_MS)
    try {
      return await load.settle(15)
    } catch (error) {
      if (look === LOOKS) throw error
    }
  }
}

/** `concurrency` of the stacks is 2 for each worker. */
const SANDBOXES = { api: 6, send: 2, feedback: 2, receive: 2, notify: 2 }

describe(`with ${EXECUTIONS} executions, ${SEND_RATE} mails and one GetAccount a second, and ${100 * THROTTLED} % of each key throttled`, () => {
  let load: Load
  const executions = executionsUpTo(EXECUTIONS)
  before(async () => {
    load = await startLoad({ concurrency: { sandboxes: SANDBOXES, executions } })
  })
  after(async () => {
    await load?.close()
  })

  test('mail in both directions, its events and its webhooks lose and double nothing, and no entry is a dead letter', {
    timeout: 250_000,
  }, async (t) => {
    const { dynamo, ses } = load.platform
    ses.account.maxSendRate = SEND_RATE
    dynamo.throttle.share = THROTTLED
    await Promise.all([load.send(80), load.receive(40)])
    await healed(load)
    t.diagnostic(`${dynamo.throttle.throttled} keys throttled, ${executions.refused} executions refused`)
    t.diagnostic(`GetAccount asked ${ses.account.requests} times`)
    assert.deepEqual(load.doubled(), [])
    assert.deepEqual(load.platform.deadLetters(), [])
    assert.equal(executions.peak, EXECUTIONS)
    assert.ok(executions.refused > 0 && dynamo.throttle.throttled > 100)
  })
})
