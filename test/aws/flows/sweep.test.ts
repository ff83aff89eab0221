import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Platform, type Running, startPlatform } from '../platform.ts'

describe('the built sweep, whose errors raise the alarm', () => {
  let platform: Platform
  let running: Running
  before(async () => {
    platform = await startPlatform(() => undefined)
    await platform.queue({ deadLettersOf: 'webhooks' }).send([{ body: 'poison' }])
    running = await platform.run()
  })
  after(async () => {
    await running?.stop()
    await platform?.close()
  })

  test('fails while there are dead letters, logs the queue, and succeeds when they are gone', async () => {
    const { sweep } = running.lambdas
    const named = /dead letters: \S*WebhooksDeadQueue\S* 1;/
    await assert.rejects(sweep.invoke({}), named)
    await assert.rejects(sweep.invoke({}), named)
    const dead = platform.queue({ deadLettersOf: 'webhooks' })
    const letters = await dead.receive({ max: 10, visibilityMs: 60_000, waitMs: 1000 })
    await dead.settle(letters.map((delivery) => ({ delivery, ok: true })))
    await sweep.invoke({})
    assert.ok(sweep.logs.some((line) => named.test(line)))
  })
})
