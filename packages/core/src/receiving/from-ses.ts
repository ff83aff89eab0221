/**
 * Mail that SES received: it lies in the bucket, under SES's key, and a notification brings the envelope. It is copied
 * under a key of each account that it is for, as mail by SMTP is, and from then on it is the same. The copy and its id
 * follow from SES's id, so that what is announced twice is received once.
 */
import { createHash } from 'node:crypto'
import { readAddresses } from '@kabutar/mail/parse.ts'
import { v7 } from 'uuid'
import { MailError } from '../errors.ts'
import type { Log } from '../ports/log.ts'
import type { Delivery, Failure } from '../ports/queue.ts'
import { StoreError } from '../ports/table.ts'
import { type AcceptPorts, accept, rawKey, recipientOwner } from './accept.ts'
import { inspect } from './inspect.ts'
import { type ReceivePorts, receiveBatch } from './receive.ts'
import { parseAwsEntry, type Receipt, type Stored } from './ses-receipt.ts'

export type SesPorts = AcceptPorts & ReceivePorts & { readonly log: Log }

const AGAIN_MS = 5000

/** The handler of the receive queue behind SES: notifications and events of AWS, and entries of our own. */
export async function receiveFromSes(
  ports: SesPorts,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<readonly Failure[]> {
  const own: Delivery[] = []
  const failures = await Promise.all(
    batch.map(async (delivery) => {
      try {
        const entry = parseAwsEntry(delivery.body)
        if (entry === undefined) own.push(delivery)
        else if ('receipt' in entry) await acceptReceipt(ports, entry.receipt)
        else for (const stored of entry.stored) await recoverLost(ports, stored)
        return undefined
      } catch (error) {
        const { id, attempt } = delivery
        ports.log.error('mail that SES received could not be taken over and comes back', {
          attempt,
          error: error as Error,
        })
        return { id, retryInMs: AGAIN_MS * 2 ** Math.min(attempt - 1, 6) }
      }
    }),
  )
  return [...failures.filter((failure) => failure !== undefined), ...(await receiveBatch(ports, own, signal))]
}

/** Recipients that nobody here has are left out; a message that has no other stays where it is, and is logged. */
async function acceptReceipt(ports: SesPorts, receipt: Receipt, reconstructed = false): Promise<void> {
  const byAccount = await ownersOf(ports, receipt.recipients)
  if (byAccount.size === 0) {
    ports.log.warn('SES received mail for nobody here', { object: receipt.key })
    return
  }
  for (const [accountId, recipients] of byAccount)
    await acceptOnce(ports, receipt, accountId, recipients, reconstructed)
  await ports.blobs.delete([receipt.key])
}

async function acceptOnce(
  ports: SesPorts,
  { sesId, key, returnPath, receivedAt, verdicts }: Receipt,
  accountId: string,
  recipients: readonly string[],
  reconstructed: boolean,
): Promise<void> {
  const id = receivedId(receivedAt, sesId, accountId)
  const raw = await ports.blobs.open(key)
  if (raw === undefined) {
    // Removed once everybody had it; else it is not there yet.
    if ((await ports.blobs.open(rawKey(accountId, id))) !== undefined) return
    throw new StoreError('Unavailable', 'the object that SES announced is not there')
  }
  const told = { ...(reconstructed && { reconstructed }), ...(verdicts && { verdicts }) }
  const peer = { remoteAddress: '', helo: '', tls: false, ...told }
  await accept(ports, { id, returnPath, recipients, ...peer }, raw.body)
}

async function ownersOf({ table }: SesPorts, recipients: readonly string[]) {
  const byAccount = new Map<string, string[]>()
  for (const recipient of new Set(recipients)) {
    try {
      const owner = await recipientOwner(table, recipient)
      byAccount.set(owner, [...(byAccount.get(owner) ?? []), recipient])
    } catch (error) {
      if (!(error instanceof MailError)) throw error
    }
  }
  return byAccount
}

/** Of a day that the id tells, as any other; the rest of it follows from what SES calls the message. */
export function receivedId(receivedAt: number, sesId: string, accountId: string): string {
  const random = createHash('sha256')
    .update(JSON.stringify([sesId, accountId]))
    .digest()
    .subarray(0, 16)
  return v7({ msecs: receivedAt, random })
}

/**
 * An object whose notification should have come long ago: one that is still there was never taken over. Its envelope is
 * made of its header fields, and marked as such; Bcc recipients are lost.
 */
async function recoverLost(ports: SesPorts, { key, storedAt }: Stored): Promise<void> {
  const detail = await inspect(ports.blobs, key)
  if (detail === undefined) return
  const { from, to, cc, bcc } = detail.index.envelope
  const addressed = [to, cc, bcc].flatMap((list) => readAddresses(list)).map(({ address }) => address)
  ports.log.warn('mail whose notification was lost is received by its header fields', { object: key })
  const returnPath = readAddresses(from)[0]?.address ?? ''
  const sesId = key.slice(key.lastIndexOf('/') + 1)
  await acceptReceipt(ports, { sesId, key, returnPath, recipients: addressed, receivedAt: storedAt }, true)
}
