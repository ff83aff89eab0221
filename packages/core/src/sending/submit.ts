import { displayed, domainOf, formatMailbox } from '@kabutar/mail/address.ts'
import { checkCustomHeaders, checkSubject } from '@kabutar/mail/headers.ts'
import { MalformedError } from '@kabutar/mail/malformed.ts'
import type { ApiKey } from '../accounts/keys.ts'
import { refuseIfFull, type StoragePorts } from '../accounts/storage.ts'
import { domainOwner, sendingOwner } from '../domains/domains.ts'
import { MailError } from '../errors.ts'
import {
  type ContentPorts,
  type Draft,
  deleteContent,
  type PreparedContent,
  prepareContent,
} from '../messages/content.ts'
import { ownMessageId, type SentMessage } from '../messages/message.ts'
import { FIRST_DUE_MS, sentItem } from '../messages/rows.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import type { Log } from '../ports/log.ts'
import type { Queue } from '../ports/queue.ts'
import { type Put, StoreError } from '../ports/table.ts'
import type { Caches } from '../store/cache.ts'
import { transactIf } from '../store/once.ts'
import { putDay } from '../store/timeline.ts'
import { claimOf, findEarlier, type Idempotency, idempotencyOf } from './idempotency.ts'
import { pauseOf } from './pauses.ts'
import { encodeSendEntry } from './send-queue.ts'

export type SubmitPorts = ContentPorts &
  StoragePorts & {
    readonly sendQueue: Queue
    readonly clock: Clock
    readonly ids: Ids
    readonly log: Log
    readonly caches: Caches
    /**
     * Queues a message only after its rows are written. Set where they do not share a commit: an entry that is faster than
     * its rows costs two seconds. @default false
     */
    readonly queueAfterRows?: boolean
    /** Takes `onboarding@resend.dev` as a sender. Set only where no mail leaves the machine. @default false */
    readonly onboardingSender?: boolean
    /**
     * Refuses header fields by which relays of other vendors add recipients (X-SMTPAPI and its like): those would be neither
     * counted nor compared with the suppression list. @default false
     */
    readonly refuseRelayHeaders?: boolean
  }

const MAX_RECIPIENTS = 50
/** The sender of every quick start for Resend. */
const ONBOARDING_SENDER = 'onboarding@resend.dev'
const MAX_REPLY_TO = 25
const MAX_SUBJECT_LENGTH = 998

/**
 * Accepts a message for sending (RFC 6409). Every front end ends here: nothing else writes rows of sent messages.
 * When it resolves, the message survives a crash: its row carries `due`, and the sweep queues what a crash left behind.
 * The same idempotency key and draft answer the first id again, for 24 hours.
 * @throws {MailError} `sender_not_verified`, `invalid_message`, `message_too_large`, `too_many_recipients`,
 * `invalid_attachment`, `invalid_idempotency_key`, `idempotency_mismatch`, `sending_paused`, `storage_full`
 */
export async function submit(
  ports: SubmitPorts,
  key: ApiKey,
  draft: Draft,
  idempotencyKey?: string,
): Promise<{ id: string }> {
  const { accountId } = key
  checkDraft(draft, ports)
  const idempotency =
    idempotencyKey === undefined ? undefined : await idempotencyOf(ports.compute, idempotencyKey, draft)
  await authoriseSender(ports, key, draft.from.address)
  const earlier = idempotency && (await findEarlier(ports.table, accountId, idempotency))
  if (earlier !== undefined) return { id: earlier }
  await refuseIfPaused(ports, accountId)
  await refuseIfFull(ports, accountId)
  const id = ports.ids.next()
  const prepared = await prepareContent(ports, accountId, id, draft)
  await putDay(ports, accountId, 'out', id)
  const message = newMessage(accountId, id, draft, prepared, ports.clock.now())
  if (idempotency !== undefined) return { id: await putOnce(ports, message, prepared, idempotency) }
  await putMessage(ports, message, prepared)
  return { id }
}

function checkDraft(draft: Draft, { refuseRelayHeaders = false }: SubmitPorts): void {
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
  try {
    checkSubject(draft.subject)
    checkCustomHeaders(draft.headers, !refuseRelayHeaders)
  } catch (error) {
    if (error instanceof MalformedError)
      throw new MailError('invalid_message', `${sentence(error.message)}.`, { cause: error })
    throw error
  }
}

const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

async function authoriseSender(ports: SubmitPorts, key: ApiKey, address: string): Promise<void> {
  const domain = domainOf(address)
  if (key.domain !== undefined && key.domain !== domain) {
    throw new MailError('sender_not_verified', `This API key may only send from ${key.domain}.`)
  }
  if (ports.onboardingSender && address.toLowerCase() === ONBOARDING_SENDER) return
  if ((await sendingOwner(ports, domain)) === key.accountId) return
  // The cached answer may be older than the account's domain.
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

function newMessage(
  accountId: string,
  id: string,
  draft: Draft,
  { content, size, preview }: PreparedContent,
  now: number,
): SentMessage {
  const envelope = new Set([...draft.to, ...draft.cc, ...draft.bcc].map(({ address }) => address))
  return {
    direction: 'sent',
    id,
    accountId,
    from: formatMailbox(draft.from),
    to: displayed(draft.to),
    cc: displayed(draft.cc),
    bcc: displayed(draft.bcc),
    replyTo: displayed(draft.replyTo),
    subject: draft.subject,
    preview,
    tags: draft.tags,
    messageId: ownMessageId(id, domainOf(draft.from.address)),
    recipients: [...envelope].map((address) => ({ address, status: 'queued', pending: true })),
    content,
    ...(draft.attachments.length > 0 && { attachments: draft.attachments.length }),
    size,
    attempts: 0,
    ambiguous: 0,
    notBefore: 0,
    due: now + FIRST_DUE_MS,
    version: 0,
  }
}

const putOf = (message: SentMessage): Put => ({ kind: 'put', item: sentItem(message), if: [{ exists: false }] })

/**
 * Writes the rows, and queues the message at the same time unless `queueAfterRows`: its entry may be there first, and a
 * worker that finds no message comes back once. On one disk rows and entry share a commit.
 */
async function putMessage(ports: SubmitPorts, message: SentMessage, { row }: PreparedContent): Promise<void> {
  const written = ports.table.writeInOrder([...(row === undefined ? [] : [row]), putOf(message)])
  if (ports.queueAfterRows) await written
  const [, unqueued] = await Promise.all([written, queueSoon(ports, message)])
  logAccepted(ports, message, unqueued)
}

/**
 * Writes the rows with the claim of the idempotency key. Answers the id of the message that has the key: this one's, or
 * that of an equal request that was faster; then the queue entry of this one names no message, and ends after two looks.
 */
async function putOnce(
  ports: SubmitPorts,
  message: SentMessage,
  { row }: PreparedContent,
  idempotency: Idempotency,
): Promise<string> {
  const { accountId, id } = message
  if (row !== undefined) await ports.table.write(row)
  const claim = claimOf(accountId, idempotency, id, ports.clock.now())
  const [isFirst, unqueued] = await Promise.all([
    transactIf(ports.table, [claim, putOf(message)]),
    queueSoon(ports, message),
  ])
  if (isFirst) {
    logAccepted(ports, message, unqueued)
    return id
  }
  await deleteContent(ports, accountId, id, message.content)
  const earlier = await findEarlier(ports.table, accountId, idempotency)
  if (earlier === undefined) throw new StoreError('Conflict', 'an idempotency key was claimed and is free again')
  return earlier
}

/** Queues the first attempt. The message is accepted without it, so a failure, which it answers, is left to the sweep. */
async function queueSoon({ sendQueue }: SubmitPorts, { accountId, id }: SentMessage): Promise<Error | undefined> {
  try {
    await sendQueue.send([{ body: encodeSendEntry({ accountId, id, attempt: 1 }) }])
    return undefined
  } catch (error) {
    return error as Error
  }
}

function logAccepted({ log }: SubmitPorts, message: SentMessage, unqueued: Error | undefined): void {
  const { id, accountId, size } = message
  log.debug('a message is accepted for sending', {
    id,
    account: accountId,
    recipients: message.recipients.length,
    size,
  })
  if (unqueued !== undefined) log.warn('an accepted message was not queued; the sweep will', { id, error: unqueued })
}
