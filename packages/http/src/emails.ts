import { type Composed, getContent } from '@kabutar/core/messages/content.ts'
import { deleteSent } from '@kabutar/core/messages/delete-sent.ts'
import { type MemoryPorts, whileShowing } from '@kabutar/core/messages/memory.ts'
import { createdAtOf, isPending, type SentMessage } from '@kabutar/core/messages/message.ts'
import { getSent, listSent } from '@kabutar/core/messages/read.ts'
import { type Pause, readPause } from '@kabutar/core/sending/pauses.ts'
import { sendAgain } from '@kabutar/core/sending/send-again.ts'
import { lastEvent } from '@kabutar/core/sending/status.ts'
import { type SubmitPorts, submit } from '@kabutar/core/sending/submit.ts'
import { loggedPage } from '@kabutar/core/store/pages.ts'
import { Hono } from 'hono'
import { bytesOf, expiryFields, fitBodies, type LinkPorts, MAX_ANSWER_BYTES, orNull } from './answer.ts'
import { jsonBody, MAX_BODY_BYTES } from './body.ts'
import { accountOf, type Env, idOf } from './env.ts'
import { pageOf, pageWithin } from './page.ts'
import { draftOf, SendRequest } from './send-request.ts'

/** POST and GET /emails, GET and DELETE /emails/:id. POST answers 200, as the wire does. */
export function emails(ports: SubmitPorts & MemoryPorts) {
  return new Hono<Env>()
    .post('/', async (c) => {
      const request = await jsonBody(c, SendRequest, { maxBytes: MAX_BODY_BYTES, files: true })
      const { id } = await submit(ports, c.get('key'), draftOf(request), c.req.header('Idempotency-Key'))
      return c.json({ id })
    })
    .get('/', async (c) => {
      const { items, hasMore } = loggedPage(ports, await listSent(ports, accountOf(c), pageOf(c)))
      return c.json(pageWithin(c, items.map(listed), hasMore))
    })
    .get('/:id', async (c) => {
      const accountId = accountOf(c)
      const message = await getSent(ports.table, accountId, idOf(c))
      const pause = isPending(message) ? await readPause(ports.table, ports.clock.now(), accountId) : undefined
      return whileShowing(ports, message.size, async () => {
        const content = await getContent(ports, message)
        return c.json({ ...(await whole(ports, message, content)), ...(pause && waiting(message, pause)) })
      })
    })
    .post('/:id/send-again', async (c) => {
      const { id } = await sendAgain(ports, c.get('key'), idOf(c), c.req.header('Idempotency-Key'))
      return c.json({ object: 'email', id })
    })
    .delete('/:id', async (c) => {
      const id = idOf(c)
      await deleteSent(ports, accountOf(c), id)
      return c.json({ object: 'email', id, deleted: true })
    })
}

function listed(message: SentMessage) {
  return {
    id: message.id,
    message_id: message.messageId,
    to: message.to,
    from: message.from,
    created_at: createdAtOf(message).toISOString(),
    subject: message.subject,
    bcc: orNull(message.bcc),
    cc: orNull(message.cc),
    reply_to: orNull(message.replyTo),
    last_event: lastEvent(message.recipients),
    scheduled_at: null,
    ...expiryFields(message),
  }
}

/** Says why a message waits and until when; null if only people can end the wait. */
function waiting({ notBefore }: SentMessage, { reason, until }: Pause) {
  const known = reason === 'account_paused' ? null : new Date(Math.max(until, notBefore)).toISOString()
  return { waiting_reason: reason, waiting_until: known }
}

/** Reserved for the links to two bodies: S3's session tokens make each about 2 KB. */
const LINKS_BYTES = 10_000

/** Beside the wire's fields: the status of each recipient and its reason, when a deferred message is tried again, links to large bodies. */
async function whole(ports: LinkPorts, message: SentMessage, content: Composed | undefined) {
  const frame = frameOf(message)
  const bodies = { html: content?.html ?? null, text: content?.text ?? null }
  const room = MAX_ANSWER_BYTES - bytesOf(frame) - LINKS_BYTES
  return { ...frame, ...(await fitBodies(ports, message, bodies, room)) }
}

function frameOf(message: SentMessage) {
  return {
    object: 'email',
    ...listed(message),
    tags: message.tags,
    captured: message.captured === true,
    recipients: message.recipients.map(({ address, status, diagnostic }) => ({
      address,
      last_event: status,
      ...(diagnostic !== undefined && { diagnostic }),
    })),
    ...(isPending(message) && message.notBefore > 0 && { next_attempt_at: new Date(message.notBefore).toISOString() }),
    ...(message.ambiguous > 0 && { ambiguous_attempts: message.ambiguous }),
  }
}
