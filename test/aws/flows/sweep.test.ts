import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { SendMessageCommand } from '@aws-sdk/client-sqs'
import { sqsQueue } from '@kabutar/aws/queue.ts'
import { type Platform, type Running, startPlatform } from '../platform.ts'

describe('the built sweep, which the alarm of dead letters hangs on', () => {
  let platform: Platform
  let running: Running
  before(async () => {
    platform = await startPlatform(() => undefined)
    const QueueUrl = platform.queues.webhooks.deadLetters
    await platform.sqsS3.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'poison' }))
    running = await platform.run()
  })
  after(async () => {
    await running?.stop()
    await platform?.close()
  })

  test('fails each time while there are dead letters, names the queue, and is well when they are gone', async () => {
    const { sweep } = running.lambdas
    await assert.rejects(sweep.invoke({}), /dead letters: webhooks-dead 1;/)
    await assert.rejects(sweep.invoke({}), /dead letters: webhooks-dead 1;/)
    const dead = sqsQueue(platform.sqsS3.sqs, platform.queues.webhooks.deadLetters, { maxAttempts: 5 })
    const letters = await dead.receive({ max: 10, visibilityMs: 60_000, waitMs: 1000 })
    await dead.settle(letters.map((delivery) => ({ delivery, ok: true })))
    await sweep.invoke({})
    assert.ok(sweep.logs.some((line) => line.includes('webhooks-dead 1')))
  })
})
