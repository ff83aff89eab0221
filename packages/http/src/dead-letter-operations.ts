import * as z from 'zod'
import { MOST_LISTED, RedriveRequest } from './dead-letters.ts'
import { list, type Operation, time } from './operation.ts'

const id = z.string().describe('A number.')
const reason = z.string().nullable().describe('How its last attempt failed; null if the process died each time.')
const letter = { id, queue: z.string(), queued_at: time, reason }
const named = { object: z.literal('dead_letter'), id }
const common = { tag: 'Dead letters', opens: 'operator token', status: 200 } as const

/** Operations on dead letters, for the operator. */
export const DEAD_LETTER_OPERATIONS: readonly Operation[] = [
  {
    ...common,
    method: 'get',
    path: '/dead-letters',
    operationId: 'listDeadLetters',
    summary: `List dead letters, the ${MOST_LISTED} oldest first (operator)`,
    answer: list(z.object(letter).meta({ id: 'ListedDeadLetter' }), 'DeadLetterList'),
  },
  {
    ...common,
    method: 'post',
    path: '/dead-letters/redrive',
    operationId: 'redriveDeadLetters',
    summary: 'Move dead letters back to their queues, all or those of one queue (operator)',
    request: RedriveRequest,
    answer: z.object({ object: z.literal('dead_letters'), redriven: z.int() }).meta({ id: 'RedrivenDeadLetters' }),
  },
  {
    ...common,
    method: 'get',
    path: '/dead-letters/:id',
    operationId: 'getDeadLetter',
    params: { id },
    summary: 'Read a dead letter (operator)',
    answer: z
      .object({ object: z.literal('dead_letter'), ...letter, entry: z.string().describe('As it was queued.') })
      .meta({ id: 'DeadLetter' }),
  },
  {
    ...common,
    method: 'post',
    path: '/dead-letters/:id/redrive',
    operationId: 'redriveDeadLetter',
    params: { id },
    summary: 'Move a dead letter back to its queue (operator)',
    answer: z.object(named).meta({ id: 'DeadLetterId' }),
  },
  {
    ...common,
    method: 'delete',
    path: '/dead-letters/:id',
    operationId: 'dropDeadLetter',
    params: { id },
    summary: 'Delete a dead letter for good (operator)',
    answer: z.object({ ...named, deleted: z.literal(true) }).meta({ id: 'DroppedDeadLetter' }),
  },
]
