import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { DynamoFault } from '../dynamo.ts'
import { type Load, startLoad } from '../load.ts'
import type { SqsFault } from '../sqs-front.ts'

/** A call of the SDK makes three attempts, so each burst makes several calls fail. */
const BURST = 12

const DYNAMO = ['PutItem', 'UpdateItem', 'TransactWriteItems', 'BatchGetItem', 'Query', 'GetItem']
const dynamoBursts: readonly DynamoFault[] = DYNAMO.flatMap((operation) => [
  { operation, kind: 'throttled', times: BURST },
  { operation, kind: 'unavailable', times: BURST },
])
const lostAnswers: readonly DynamoFault[] = ['PutItem', 'UpdateItem', 'TransactWriteItems'].map((operation) => ({
  operation,
  kind: 'lost answer',
  times: BURST,
}))
/** Without DeleteMessage, which Lambda's event source calls. */
const sqsBursts: readonly SqsFault[] = [
  { operation: 'SendMessageBatch', kind: 'throttled', times: BURST },
  { operation: 'SendMessageBatch', kind: 'unavailable', times: BURST },
  { operation: 'SendMessageBatch', kind: 'entries failed', times: 8 },
  { operation: 'SendMessageBatch', kind: 'lost answer', times: 6 },
  { operation: 'ReceiveMessage', kind: 'throttled', times: BURST },
  { operation: 'ReceiveMessage', kind: 'unavailable', times: BURST },
  { operation: 'DeleteMessageBatch', kind: 'throttled', times: BURST },
  { operation: 'DeleteMessageBatch', kind: 'unavailable', times: BURST },
  { operation: 'DeleteMessageBatch', kind: 'entries failed', times: 4 },
]
const visibilityBursts: readonly SqsFault[] = [
  { operation: 'ChangeMessageVisibilityBatch', kind: 'throttled', times: 3 },
  { operation: 'ChangeMessageVisibilityBatch', kind: 'unavailable', times: 3 },
  { operation: 'ChangeMessageVisibilityBatch', kind: 'entries failed', times: 2 },
]

describe('bursts of errors that outlast the retries of the SDK', () => {
  let load: Load
  before(async () => {
    load = await startLoad()
  })
  after(async () => {
    await load?.close()
  })

  test('of each operation of DynamoDB lose and double nothing', async () => {
    const { faults } = load.platform.dynamo
    await burst(faults, dynamoBursts)
    await burst(faults, lostAnswers)
    await load.later()
    await load.settle(240)
    assert.deepEqual(load.doubled(), [])
  })

  test('of SQS, when sending and settling, lose and double nothing', async () => {
    const { sqs, dynamo } = load.platform
    await burst(sqs.faults, sqsBursts)
    // Only a failed entry changes its visibility.
    dynamo.faults.push({ operation: 'UpdateItem', kind: 'unavailable', times: 12 * BURST })
    await burst(sqs.faults, visibilityBursts)
    dynamo.faults.length = 0
    await load.later()
    await load.settle(240)
    assert.deepEqual(load.doubled(), [])
  })

  /** Adds the faults while mail goes in both directions, until requests have met all of them. */
  async function burst<T extends { readonly operation: string }>(faults: T[], bursts: readonly T[]): Promise<void> {
    faults.push(...bursts)
    for (let rounds = 0; rounds < 12 && faults.length > 0; rounds++)
      await Promise.all([load.send(20), load.receive(10)])
    const left = faults.map((fault) => JSON.stringify(fault))
    faults.length = 0
    assert.deepEqual(left, [], 'some were never met')
  }
})
