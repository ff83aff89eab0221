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

test('no role has an action that no flow uses', () => {
  const used = usedByHandler()
  const idle = reader(load('production'))
    .workers()
    .flatMap(({ handler, statements }) => {
      const granted = new Set(statements.flatMap(({ Action }) => asList(Action)))
      return [...granted]
        .filter((action) => !used.get(handler)?.has(action) && NOT_OBSERVED[action] === undefined)
        .map((action) => `${handler} ${action}`)
    })
  assert.deepEqual(idle.toSorted(), [])
})
