import { setTimeout as sleep } from 'node:timers/promises'
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import { type Count, GB } from '../cost/tally.ts'
import { createdOf, notificationOf } from './ses-receipt.ts'
import type { ReceiptRules } from './ses-receipt-rules.ts'
import type { Wiring } from './wiring.ts'

/** What SES and S3 do with a mail that a receipt rule takes. */
export type InboundMail = {
  readonly sesId: string
  readonly raw: string | Uint8Array
  readonly recipients: readonly string[]
  /** A notification that comes twice says the same. @default now */
  readonly receivedAt?: Date
  /** @default 'after' the object */
  readonly notification?: 'after' | 'before' | 'lost'
}
export type Inbound = {
  readonly s3: S3Client
  readonly sqs: SQSClient
  readonly wiring: Wiring
  readonly urlOf: (queue: string) => string
  /** What SES and SNS do is billed too. */
  readonly count: Count
}

const LATE_MS = 500

const keyOf = ({ wiring }: Inbound, { sesId }: InboundMail) => `${wiring.created.prefix}${sesId}`

/** Answers the key of the object. */
export async function receiveMail(inbound: Inbound, mail: InboundMail): Promise<string> {
  const { notification = 'after' } = mail
  if (notification === 'before') {
    await notifyOf(inbound, mail)
    await sleep(LATE_MS)
  }
  await putObject(inbound, mail)
  if (notification === 'after') await notifyOf(inbound, mail)
  return keyOf(inbound, mail)
}

/** S3 tells of it. */
export async function putObject(inbound: Inbound, mail: InboundMail): Promise<void> {
  const { bucket, created } = inbound.wiring
  const Key = keyOf(inbound, mail)
  await inbound.s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: mail.raw }))
  inbound.count('sesInbound', 1)
  inbound.count('s3Writes', 1)
  inbound.count('s3GbMonth', Buffer.byteLength(mail.raw) / GB)
  await tell(inbound, created.queue, createdOf(Key))
}

/** What comes by the topic alone. */
export async function notifyOf(inbound: Inbound, mail: InboundMail): Promise<void> {
  const { sesId, recipients, receivedAt = new Date() } = mail
  const key = keyOf(inbound, mail)
  inbound.count('snsPublishes', 1)
  await tell(inbound, inbound.wiring.roles.receive, notificationOf({ sesId, key, recipients, receivedAt }))
}

async function tell({ sqs, urlOf }: Inbound, queue: string, event: object): Promise<void> {
  await sqs.send(new SendMessageCommand({ QueueUrl: urlOf(queue), MessageBody: JSON.stringify(event) }))
}

/** Those that a rule of the active set takes: an address, its domain, or anybody if the rule names nobody. */
export function takenBy({ active, sets }: ReceiptRules, recipients: readonly string[]): readonly string[] {
  const rules = (sets.get(active ?? '') ?? []).filter(({ Enabled, S3 }) => Enabled && S3 !== undefined)
  return recipients.filter((recipient) => {
    const address = recipient.toLowerCase()
    const named = [address, address.slice(address.lastIndexOf('@') + 1)]
    return rules.some(({ Recipients }) => Recipients.length === 0 || Recipients.some((one) => named.includes(one)))
  })
}
