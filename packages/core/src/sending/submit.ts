import { displayed, domainOf, formatMailbox } from '@kabutar/mail/address.ts'
import { checkCustomHeaders, checkSubject } from '@kabutar/mail/headers.ts'
import { MalformedError } from '@kabutar/mail/malformed.ts'
import type { ApiKey } from '../accounts/keys.ts'
import { domainOwner, sendingOwner } from '../domains/domains.ts'
import { MailError } from '../errors.ts'
import {
  deleteContent,
  MAX_MESSAGE_BYTES,
  messageBytes,
  type PreparedContent,
  type PreparePorts,
  prepareContent,
  type UploadSizes,
} from '../messages/content.ts'
import { type Draft, digestOf } from '../messages/draft.ts'
import { FIRST_DUE_MS, itemOf, type Message, ownMessageId } from '../messages/message.ts'
import { uploadSizes } from '../messages/uploads.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import type { Log } from '../ports/log.ts'
import type { Queue } from '../ports/queue.ts'
import { isConditionFailed, type Put, type Table, type Write } from '../ports/table.ts'
import type { Caches } from '../store/cache.ts'
import { row } from '../store/codec.ts'
import { idempotencyKey as idempotencyRowKey } from '../store/keys.ts'
import { putDay } from '../store/timeline.ts'
import { sendEntry } from './entry.ts'
import { pauseOf } from './pauses.ts'

export type SubmitPorts = PreparePorts & {
  readonly table: Table
  readonly sendQueue: Queue
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly caches: Caches
  /** Where rows and queue do not share a commit: an entry that is faster than its rows costs two seconds. @default false */
  readonly queueAfterRows?: boolean
}
type Idempotency = { readonly key: string; readonly digest: string }

export const MAX_RECIPIENTS = 50
const MAX_REPLY_TO = 25
const MAX_SUBJECT_LENGTH = 998
const IDEMPOTENCY_SECONDS = 24 * 3600

/**
 * Accepts a message for sending (RFC 6409). Every front end ends here: nothing else writes message rows.
 * When it resolves, the message survives a crash: its row carries `due`, and the sweep queues what a crash left behind.
 * The same idempotency key and draft answer the first id again, for 24 hours.
 * @throws {MailError} `sender_not_verified`, `invalid_message`, `message_too_large`, `too_many_recipients`,
 * `invalid_attachment`, `invalid_idempotency_key`, `idempotency_mismatch`, `sending_paused`
 */
export async function submit(
  ports: SubmitPorts,
  key: ApiKey,
  draft: Draft,
  idempotencyKey?: string,
): Promise<{ id: string }> {
  checkDraft(draft)
  const idempotency = idempotencyKey === undefined ? undefined : idempotencyOf(idempotencyKey, draft)
  await authoriseSender(ports, key, domainOf(draft.from.address))
  const earlier = idempotency && (await findEarlier(ports.table, key.accountId, idempotency))
  if (earlier !== undefined) return { id: earlier }
  await refuseIfPaused(ports, key.accountId)
  const uploads = await uploadSizes(ports, key.accountId, draft.attachments)
  checkSize(draft, uploads)
  const id = ports.ids.next()
  const fresh = newMessage(key.accountId, id, draft, messageBytes(draft, uploads), ports.clock.now())
  const [content] = await Promise.all([
    prepareContent(ports, fresh, draft, uploads),
    putDay(ports, key.accountId, 'out', id),
  ])
  if (idempotency !== undefined) return { id: await acceptOnce(ports, content, idempotency) }
  await accept(ports, content)
  return { id }
}

function checkDraft(draft: Draft): void {
  const recipients = draft.to.length + draft.cc.length + draft.bcc.length
  if (draft.to.length === 0) throw new MailError('missing_field', 'Missing `to` field.')
  if (recipients > MAX_RECIPIENTS) {
    throw new MailError('too_many_recipients', `A message has at most ${MAX_RECIPIENTS} recipients, not ${recipients}.`)
  }
  if (draft.replyTo.length > MAX_REPLY_TO) {
    throw new MailError('invalid_message', `A message has at most ${MAX_REPLY_TO} \`reply_to\` addresses.`)
  }
  if (draft.subject.length > MAX_SUBJECT_LENGTH) {
    throw new MailError('invalid_message', `A subject has at most ${MAX_SUBJECT_LENGTH} characters.`)
  }
  checkSize(draft, new Map())
  try {
    checkSubject(draft.subject)
    checkCustomHeaders(draft.headers)
  } catch (error) {
    if (error instanceof MalformedError)
      throw new MailError('invalid_message', `${sentence(error.message)}.`, { cause: error })
    throw error
  }
}

function checkSize(draft: Draft, uploads: UploadSizes): void {
  if (messageBytes(draft, uploads) <= MAX_MESSAGE_BYTES) return
  throw new MailError('message_too_large', 'A message with its attachments is at most 40 MB.')
}

const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

async function authoriseSender(ports: SubmitPorts, key: ApiKey, domain: string): Promise<void> {
  if (key.domain !== undefined && key.domain !== domain) {
    throw new MailError('sender_not_verified', `This API key may only send from ${key.domain}.`)
  }
  if ((await sendingOwner(ports, domain)) === key.accountId) return
  // It may have come to the account in these seconds.
  if ((await domainOwner(ports.table, domain, 'sending')) !== key.accountId) {
    throw new MailError(
      'sender_not_verified',
      `The ${domain} domain is not verified. Please, add and verify your domain.`,
    )
  }
}

async function refuseIfPaused(ports: SubmitPorts, accountId: string): Promise<void> {
  if ((await pauseOf(ports, accountId))?.reason !== 'account_paused') return
  throw new MailError(
    'sending_paused',
    'Sending is paused for this account: too much of its mail bounced or was reported as spam. Ask the operator to resume it.',
  )
}

/** Its content has no place yet. */
function newMessage(accountId: string, id: string, draft: Draft, contentBytes: number, now: number): Message {
  const envelope = new Set([...draft.to, ...draft.cc, ...draft.bcc].map(({ address }) => address))
  return {
    id,
    accountId,
    from: formatMailbox(draft.from),
    to: displayed(draft.to),
    cc: displayed(draft.cc),
    bcc: displayed(draft.bcc),
    replyTo: displayed(draft.replyTo),
    subject: draft.subject,
    tags: draft.tags,
    messageId: ownMessageId(id, domainOf(draft.from.address)),
    recipients: [...envelope].map((address) => ({ address, status: 'queued', pending: true })),
    content: 'row',
    contentBytes,
    attempts: 0,
    ambiguous: 0,
    notBefore: 0,
    due: now + FIRST_DUE_MS,
    version: 0,
  }
}

function idempotencyOf(key: string, draft: Draft): Idempotency {
  if (key.length < 1 || key.length > 256) {
    throw new MailError('invalid_idempotency_key', 'The key must be between 1-256 chars.')
  }
  return { key, digest: digestOf(draft) }
}

/** The id that an equal request was answered with. @throws {MailError} `idempotency_mismatch` */
async function findEarlier(table: Table, accountId: string, { key, digest }: Idempotency): Promise<string | undefined> {
  const earlier = await table.get(idempotencyRowKey(accountId, key))
  if (earlier !== undefined && earlier.digest !== digest) {
    throw new MailError(
      'idempotency_mismatch',
      'The same idempotency key was used with another request body within the last 24 hours.',
    )
  }
  return earlier?.id as string | undefined
}

const rowOf = (message: Message): Put => ({ kind: 'put', item: itemOf(message), if: [{ exists: false }] })
const rowsOf = ({ row }: PreparedContent): readonly Put[] => (row === undefined ? [] : [row])

/**
 * The queue entry is under way beside the rows and may be there first: a worker that finds no message asks once more.
 * On one disk all three share a commit.
 */
async function accept(ports: SubmitPorts, content: PreparedContent): Promise<void> {
  const { message } = content
  const written = ports.table.writeInOrder([...rowsOf(content), rowOf(message)])
  if (ports.queueAfterRows) await written
  await Promise.all([written, queueSoon(ports, message)])
}

/**
 * Answers the id under which it was accepted: its own, or that of an equal request that was faster. Then its queue entry
 * names no message, and ends when it has asked twice.
 */
async function acceptOnce(ports: SubmitPorts, content: PreparedContent, idempotency: Idempotency): Promise<string> {
  const { message } = content
  const { accountId, id } = message
  const ttl = Math.floor(ports.clock.now() / 1000) + IDEMPOTENCY_SECONDS
  const attrs = { id, digest: idempotency.digest, ttl }
  const marker = row('idempotency', idempotencyRowKey(accountId, idempotency.key), attrs)
  if (content.row !== undefined) await ports.table.write(content.row)
  try {
    const once: readonly Write[] = [{ kind: 'put', item: marker, if: [{ exists: false }] }, rowOf(message)]
    await Promise.all([ports.table.transact(once), queueSoon(ports, message)])
    return id
  } catch (error) {
    if (!isConditionFailed(error)) throw error
    await deleteContent(ports, accountId, id, message.content)
    const earlier = await findEarlier(ports.table, accountId, idempotency)
    if (earlier === undefined) throw error
    return earlier
  }
}

/** The message is accepted without it: what fails here is healed by the sweep and no reason to answer an error. */
async function queueSoon(ports: SubmitPorts, message: Message): Promise<void> {
  try {
    await ports.sendQueue.send([{ body: sendEntry(message.accountId, message.id, 1, message.contentBytes) }])
  } catch (error) {
    ports.log.warn('an accepted message was not queued; the sweep will', { id: message.id, error: error as Error })
  }
}
