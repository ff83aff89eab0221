import { CHECKS, type Verdict, type Verdicts } from '@kabutar/core/messages/verdicts.ts'
import * as z from 'zod/mini'

/** A message that SES put into the bucket, under a key of its own. */
export type Receipt = {
  /** SES's id of the message. */
  readonly sesId: string
  readonly key: string
  readonly returnPath: string
  readonly recipients: readonly string[]
  /** Epoch milliseconds. */
  readonly receivedAt: number
  readonly verdicts?: Verdicts
}
/** What the bucket itself says: an object is there. */
export type Stored = { readonly key: string; readonly storedAt: number }

const Judged = z.optional(z.object({ status: z.string() }))
const Notification = z.object({
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
const Created = z.object({
  Records: z.array(z.object({ eventTime: z.iso.datetime(), s3: z.object({ object: z.object({ key: z.string() }) }) })),
})
/** SES tries a bucket with an object of this name, and a topic with this text. */
const SETUP = 'AMAZON_SES_SETUP_NOTIFICATION'
const TOPIC_TEST = /^Successfully validated SNS topic/
const MAX_JSON = 300_000

/**
 * What an entry of the receive queue is, if it comes from AWS: SES's notification, S3's events, or neither, which is an
 * entry of our own. Tests of SES and S3 are events without an object.
 * @throws {Error} for what cannot be read: it ends in the dead-letter queue, whole
 */
export function parseAwsEntry(
  body: string,
): { readonly receipt: Receipt } | { readonly stored: readonly Stored[] } | undefined {
  if (TOPIC_TEST.test(body)) return { stored: [] }
  if (body.length > MAX_JSON) throw new Error('an entry of the receive queue is longer than any that is written')
  const json = JSON.parse(body) as { notificationType?: unknown; Records?: unknown; Event?: unknown }
  if (json.notificationType !== undefined) return receiptOf(json)
  if (json.Records !== undefined) return { stored: storedOf(json) }
  return json.Event === 's3:TestEvent' ? { stored: [] } : undefined
}

function receiptOf(json: object): { readonly receipt: Receipt } | { readonly stored: readonly Stored[] } {
  if ((json as { notificationType: unknown }).notificationType !== 'Received') return { stored: [] }
  const { receipt, mail } = Notification.parse(json)
  const verdicts = verdictsOf(receipt)
  return {
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

/** DISABLED, and words that SES has not yet, are left out. */
const OUR_WORDS: Readonly<Record<string, Verdict>> = {
  PASS: 'pass',
  FAIL: 'fail',
  GRAY: 'none',
  PROCESSING_FAILED: 'error',
}

function verdictsOf(receipt: z.infer<typeof Notification>['receipt']): Verdicts {
  const judged = CHECKS.map((check) => [check, OUR_WORDS[receipt[`${check}Verdict`]?.status ?? '']] as const)
  return Object.fromEntries(judged.filter(([, verdict]) => verdict !== undefined))
}

/** S3 writes keys as in a query string. */
function storedOf(json: object): readonly Stored[] {
  return Created.parse(json).Records.flatMap(({ eventTime, s3 }) => {
    const key = decodeURIComponent(s3.object.key.replaceAll('+', ' '))
    return key.endsWith(SETUP) ? [] : [{ key, storedAt: Date.parse(eventTime) }]
  })
}
