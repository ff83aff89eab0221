import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import { type Count, GB } from '../cost/tally.ts'
import type { S3Front } from './s3-front.ts'
import { createdOf, notificationOf } from './ses-receipt.ts'
import type { ReceiptRulesStandIn } from './ses-receipt-rules.ts'
import type { Wiring } from './wiring.ts'

/** Stands in for SES and S3 with a mail that a receipt rule takes. */
export type InboundMail = {
  readonly sesId: string
  readonly raw: string | Uint8Array
  readonly recipients: readonly string[]
  /** Time in the notification. @default now */
  readonly receivedAt?: Date
  /** The notification comes after the object, or never, or `before` it: the object comes once it was looked for. @default 'after' */
  readonly notification?: 'after' | 'before' | 'lost'
}
export type SesInbound = {
  readonly s3: S3Client
  readonly sqs: SQSClient
  readonly wiring: Wiring
  readonly urlOf: (queue: string) => string
  readonly asked: S3Front['asked']
  /** Counts what AWS bills for SES and SNS. */
  readonly count: Count
}

const keyOf = ({ wiring }: SesInbound, { sesId }: InboundMail) => `${wiring.created.prefix}${sesId}`

/** Stores the object and sends the notification; returns the key. */
export async function receiveMail(inbound: SesInbound, mail: InboundMail): Promise<string> {
  const { notification = 'after' } = mail
  if (notification === 'before') {
    const asked = inbound.asked(keyOf(inbound, mail))
    await notifyOf(inbound, mail)
    await asked
  }
  await putObject(inbound, mail)
  if (notification === 'after') await notifyOf(inbound, mail)
  return keyOf(inbound, mail)
}

/** Sends S3's event of an object. */
export async function putObject(inbound: SesInbound, mail: InboundMail): Promise<void> {
  const { bucket, created } = inbound.wiring
  const Key = keyOf(inbound, mail)
  await inbound.s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: mail.raw }))
  inbound.count('sesInbound', 1)
  inbound.count('s3Writes', 1)
  inbound.count('s3GbMonth', Buffer.byteLength(mail.raw) / GB)
  await enqueue(inbound, created.queue, createdOf(Key))
}

/** Sends only the notification. */
export async function notifyOf(inbound: SesInbound, mail: InboundMail): Promise<void> {
  const { sesId, recipients, receivedAt = new Date() } = mail
  const key = keyOf(inbound, mail)
  inbound.count('snsPublishes', 1)
  await enqueue(inbound, inbound.wiring.roles.receive, notificationOf({ sesId, key, recipients, receivedAt }))
}

async function enqueue({ sqs, urlOf }: SesInbound, queue: string, event: object): Promise<void> {
  await sqs.send(new SendMessageCommand({ QueueUrl: urlOf(queue), MessageBody: JSON.stringify(event) }))
}

/** Returns the recipients that a rule of the active set takes: by address, by domain, or all if the rule names none. */
export function recipientsOfRules(
  { active, sets }: ReceiptRulesStandIn,
  recipients: readonly string[],
): readonly string[] {
  const rules = (sets.get(active ?? '') ?? []).filter(({ Enabled, S3 }) => Enabled && S3 !== undefined)
  return recipients.filter((recipient) => {
    const address = recipient.toLowerCase()
    const named = [address, address.slice(address.lastIndexOf('@') + 1)]
    return rules.some(({ Recipients }) => Recipients.length === 0 || Recipients.some((one) => named.includes(one)))
  })
}
