import { RECIPIENT_STATUSES } from '@kabutar/core/messages/message.ts'
import * as z from 'zod'
import { id, type Operation, time } from './operation.ts'

const LastEvent = z.enum(RECIPIENT_STATUSES).nullable().describe('Null for a received message.')
const Summary = z
  .object({
    id,
    direction: z.enum(['sent', 'received']),
    captured: z.boolean().describe('The relay kept the message: it has left nowhere.'),
    from: z.string(),
    to: z
      .array(z.string())
      .describe('At most 10 addresses, as `cc`, `bcc` and `recipients`, each cut to 120 characters.'),
    cc: z.array(z.string()),
    bcc: z.array(z.string()),
    subject: z.string(),
    preview: z.string().describe('The first words of the text, at most 120 characters on one line.'),
    tags: z.array(z.object({ name: z.string(), value: z.string() })),
    created_at: time,
    last_event: LastEvent,
    size: z.int(),
    attachments: z.int(),
    recipients: z.array(z.object({ address: z.string(), last_event: LastEvent })).describe('Those of the envelope.'),
    recipients_count: z.int(),
    next_attempt_at: time.nullable(),
  })
  .meta({ id: 'MessageSummary' })
const cursor = z.string().describe('Where changes begin, for /activity/changes and /stream.')
const text = z.string().max(200)

/** Operations on the list of sent and received messages that the console shows. */
export const ACTIVITY_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/activity',
    operationId: 'listActivity',
    tag: 'Console',
    summary:
      'List sent and received messages together, newest first, but those that were deleted; a request looks at 2,000 messages',
    status: 200,
    answer: z
      .object({
        object: z.literal('list'),
        has_more: z.boolean(),
        next: id.nullable().describe('The `after` with which the list goes on.'),
        cursor: cursor.optional(),
        data: z.array(Summary),
      })
      .meta({ id: 'Activity' }),
    query: {
      limit: z.int().min(1).max(100).default(20),
      after: z.uuid().describe('What follows this id.'),
      direction: z.enum(['sent', 'captured', 'received']),
      status: text.describe('Values of `last_event`, separated by commas.'),
      to: text.describe('Part of the address of a recipient.'),
      from: text.describe('Part of the sender.'),
      tag: text.describe('Part of a tag, written as `name:value`.'),
      q: text.describe('Words, each of which is in the subject, the first words, or an address.'),
    },
  },
  {
    method: 'get',
    path: '/activity/changes',
    operationId: 'listActivityChanges',
    tag: 'Console',
    summary: 'List messages that are new or changed after a cursor; the single process waits for the first',
    status: 200,
    answer: z
      .object({
        object: z.literal('changes'),
        data: z.array(Summary),
        deleted: z.array(id),
        reset: z.boolean().describe('The cursor is unknown or too old: load the list again.'),
        cursor,
        retry_ms: z.int().describe('When to ask again; 0 for at once.'),
      })
      .meta({ id: 'ActivityChanges' }),
    query: {
      after: z.string().describe('A cursor; without it the answer has the cursor of now.'),
      wait: z.int().min(0).max(25).default(0).describe('Seconds.'),
    },
  },
  {
    method: 'get',
    path: '/stream',
    operationId: 'streamActivity',
    tag: 'Console',
    summary: 'Stream the same changes as server-sent events, from `Last-Event-ID` on (single process)',
    status: 200,
    answer: z.string(),
    text: 'text/event-stream',
    query: { after: z.string().describe('A cursor, where there is no `Last-Event-ID`.') },
    errors: ['service_unavailable'],
  },
]
