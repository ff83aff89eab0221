import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asList, reader } from '../infra/declared.ts'
import { load } from '../infra/diff.ts'
import { usedByHandler } from './used-actions.ts'

/** Runs after the flow tests, which note what each function called (`npm run test:aws:flows`). */

/** Granted although no flow calls it, and why. */
const NOT_OBSERVED: Readonly<Record<string, string>> = {
  'logs:CreateLogStream': 'called by Lambda itself',
  'logs:PutLogEvents': 'called by Lambda itself',
  'sqs:ReceiveMessage': 'called by the event source mapping',
  'sqs:DeleteMessage': 'called by the event source mapping',
  'sqs:GetQueueAttributes': 'called by the event source mapping',
  'sqs:GetQueueUrl': 'granted by SST for the event source mapping',
  'sqs:ChangeMessageVisibility': 'granted by SST for the event source mapping',
  's3:ListBucket': 'changes only the answer for a missing object',
  's3:AbortMultipartUpload': 'called after a part of a large object could not be written',
}

/** The same for one function. */
const NOT_OBSERVED_IN: Readonly<Record<string, string>> = {
  'functions/domains.handler ses:UpdateReceiptRule': 'called for a second domain, see identities.test.ts',
  'functions/feedback.handler dynamodb:BatchGetItem': 'rows() of stacks/access.ts is one list for all workers',
  'functions/feedback.handler dynamodb:DeleteItem': 'ends an entry that waited for a store, see waiting-entries.ts',
  'functions/notify.handler dynamodb:DeleteItem': 'ends an entry that waited for a store, see waiting-entries.ts',
  'functions/receive.handler dynamodb:DeleteItem': 'ends the deletion of a message, see delete.ts',
  'functions/receive.handler s3:DeleteObject': 'ends the deletion of a message, see delete.ts',
}

test('no role has an action that no flow uses', () => {
  const used = usedByHandler()
  const idle = reader(load('production'))
    .workers()
    .flatMap(({ handler, statements }) => {
      const granted = new Set(statements.flatMap(({ Action }) => asList(Action)))
      return [...granted]
        .filter((action) => !used.get(handler)?.has(action) && NOT_OBSERVED[action] === undefined)
        .map((action) => `${handler} ${action}`)
        .filter((idle) => NOT_OBSERVED_IN[idle] === undefined)
    })
  assert.deepEqual(idle.toSorted(), [])
})
