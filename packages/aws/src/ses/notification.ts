/** Parses what AWS says about inbound mail: SES's receipt notifications (raw from SNS), and S3's events of new objects. */
import { CHECKS, type Verdict, type Verdicts } from '@kabutar/core/messages/message.ts'
import * as z from 'zod'

/** A message that SES received and stored in the bucket. */
export type Receipt = {
  /** SES's id of the message. */
  readonly sesId: string
  /** Key of the object, chosen by SES. */
  readonly key: string
  readonly returnPath: string
  readonly recipients: readonly string[]
  /** Epoch milliseconds. */
  readonly receivedAt: number
  readonly verdicts?: Verdicts
}
/** An object that S3 reports as created. `storedAt` in epoch milliseconds. */
export type StoredObject = { readonly key: string; readonly storedAt: number }
type Notification =
  | { readonly kind: 'receipt'; readonly receipt: Receipt }
  | { readonly kind: 'objects'; readonly objects: readonly StoredObject[] }
  /** A test of the topic or queue, or a notification about something else than a received message. */
  | { readonly kind: 'nothing' }

const Judged = z.object({ status: z.string() }).optional()
const SesReceipt = z.object({
  notificationType: z.literal('Received'),
  receipt: z.object({
    timestamp: z.iso.datetime(),
    recipients: z.array(z.string()),
    spfVerdict: Judged,
    dkimVerdict: Judged,
    dmarcVerdict: Judged,
    spamVerdict: Judged,
    virusVerdict: Judged,
    action: z.object({ type: z.literal('S3'), objectKey: z.string() }),
  }),
  mail: z.object({ messageId: z.string(), source: z.string() }),
})
const S3Event = z.object({
  Records: z.array(z.object({ eventTime: z.iso.datetime(), s3: z.object({ object: z.object({ key: z.string() }) }) })),
})
/** SES tests a bucket with an object of this name. */
const SETUP = 'AMAZON_SES_SETUP_NOTIFICATION'
const MAX_LENGTH = 300_000

/** True for the text that SES publishes to test a topic. */
export function isTopicTest(body: string): boolean {
  return body.startsWith('Successfully validated SNS topic')
}

/**
 * Returns what AWS says in a queue entry, recognised by the fields of SES and S3; undefined if the entry is not from AWS.
 * @throws {Error} if the body is no JSON, or a notification lacks a field
 */
export function parseNotification(body: string): Notification | undefined {
  if (isTopicTest(body)) return { kind: 'nothing' }
  if (body.length > MAX_LENGTH) throw new Error('a queue entry is longer than any notification of AWS')
  const json = JSON.parse(body) as { notificationType?: unknown; Records?: unknown; Event?: unknown }
  const { notificationType, Records, Event } = json
  if (typeof notificationType === 'string') {
    return notificationType === 'Received' ? receiptOf(json) : { kind: 'nothing' }
  }
  if (Array.isArray(Records)) return objectsOf(json)
  return Event === 's3:TestEvent' ? { kind: 'nothing' } : undefined
}

function receiptOf(json: unknown): Notification {
  const { receipt, mail } = SesReceipt.parse(json)
  const verdicts = verdictsOf(receipt)
  return {
    kind: 'receipt',
    receipt: {
      sesId: mail.messageId,
      key: receipt.action.objectKey,
      returnPath: mail.source,
      recipients: receipt.recipients,
      receivedAt: Date.parse(receipt.timestamp),
      ...(Object.keys(verdicts).length > 0 && { verdicts }),
    },
  }
}

/** SES's words and ours; DISABLED and words that SES may add are left out. */
const VERDICT: Readonly<Record<string, Verdict>> = {
  PASS: 'pass',
  FAIL: 'fail',
  GRAY: 'none',
  PROCESSING_FAILED: 'error',
}

function verdictsOf(receipt: z.infer<typeof SesReceipt>['receipt']): Verdicts {
  const judged = CHECKS.map((check) => [check, VERDICT[receipt[`${check}Verdict`]?.status ?? '']] as const)
  return Object.fromEntries(judged.filter(([, verdict]) => verdict !== undefined))
}

/** S3 encodes keys as in a query string. */
function objectsOf(json: unknown): Notification {
  const objects = S3Event.parse(json).Records.flatMap(({ eventTime, s3 }) => {
    const key = decodeURIComponent(s3.object.key.replaceAll('+', ' '))
    return key.endsWith(SETUP) ? [] : [{ key, storedAt: Date.parse(eventTime) }]
  })
  return { kind: 'objects', objects }
}
