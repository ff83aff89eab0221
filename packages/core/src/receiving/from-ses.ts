/**
 * Mail that SES received: it lies in the bucket, under SES's key, and a notification brings the envelope. It is copied
 * under a key of each account that it is for, as mail by SMTP is, and from then on it is the same. The copy and its id
 * follow from SES's id, so that what is announced twice is received once.
 */
import { createHash } from 'node:crypto'
import { readAddresses } from '@kabutar/mail/parse.ts'
import { v7 } from 'uuid'
import type { ByteBudget } from '../byte-budget.ts'
import { MailError } from '../errors.ts'
import { hasArrived } from '../mailboxes/rows.ts'
import type { Log } from '../ports/log.ts'
import type { Delivery, Failure } from '../ports/queue.ts'
import { StoreError } from '../ports/table.ts'
import { type AcceptPorts, accept, type Inbound, rawKey, recipientOwner } from './accept.ts'
import { type InboundEnvelope, receiveEntry } from './entry.ts'
import { inFlightBudget, inspect } from './inspect.ts'
import { mailboxesFor, type ReceivePorts, receiveBatch } from './receive.ts'
import { settledIds, settleId } from './ses-ids.ts'
import { parseAwsEntry, type Receipt, type Stored } from './ses-receipt.ts'

export type SesPorts = AcceptPorts & ReceivePorts & { readonly log: Log }
/** With the bytes that one batch may have in hand. */
type Taking = SesPorts & { readonly inFlight: ByteBudget }

const AGAIN_MS = 5000
/** Nearly all of them are gone, and then it is one question to the bucket. */
const RECOVERED_AT_ONCE = 10
/** Well before an object that nobody spoke of is recovered (15 minutes). */
const LATE_MS = 10 * 60_000

/** The handler of the receive queue behind SES: notifications and events of AWS, and entries of our own. */
export async function receiveFromSes(
  ports: SesPorts,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<readonly Failure[]> {
  const own: Delivery[] = []
  const taking = { ...ports, inFlight: inFlightBudget(signal) }
  const failures = await Promise.all(
    batch.map(async (delivery) => {
      try {
        const entry = parseAwsEntry(delivery.body)
        if (entry === undefined) own.push(delivery)
        else if ('receipt' in entry)
          await acceptReceipt(taking, entry.receipt, heardNow(ports, entry.receipt, delivery))
        else await recoverAll(taking, entry.stored)
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

function heardNow({ clock }: SesPorts, { receivedAt }: Receipt, { attempt }: Delivery): Heard {
  return { reconstructed: false, settle: attempt > 1 || clock.now() - receivedAt > LATE_MS }
}

/** How a message was heard of. `settle`: it may have been taken over another way, so its id is settled on. */
type Heard = { readonly reconstructed: boolean; readonly settle: boolean }

/** Recipients that nobody here has are left out; a message that has no other stays where it is, and is logged. */
async function acceptReceipt(ports: Taking, receipt: Receipt, heard: Heard): Promise<void> {
  const byAccount = await ownersOf(ports, receipt.recipients)
  if (byAccount.size === 0) {
    ports.log.warn('SES received mail for nobody here', { object: receipt.key })
    return
  }
  if ((await ports.blobs.open(receipt.key)) === undefined) return acceptGone(ports, receipt, byAccount)
  for (const [accountId, recipients] of byAccount) {
    const fresh = receivedId(receipt.receivedAt, receipt.sesId, accountId)
    const id = heard.settle ? await settleId(ports.table, accountId, receipt.sesId, fresh, ports.clock.now()) : fresh
    await acceptFrom(ports, receipt.key, { id, ...envelopeOf(receipt, recipients, heard.reconstructed) })
  }
  await ports.blobs.delete([receipt.key])
}

/**
 * The object is removed once everybody had it, so what is announced now is known: by the id of the notification, or by
 * the one it was recovered under. In that case its envelope is completed, and an account that only the envelope names
 * gets a copy of another's. If nobody knows it, it is not there yet.
 */
async function acceptGone(ports: Taking, receipt: Receipt, byAccount: ByAccount): Promise<void> {
  const recovered = await settledIds(ports.table, [...byAccount.keys()], receipt.sesId)
  const [source] = recovered
  for (const [accountId, recipients] of byAccount) {
    const envelope = envelopeOf(receipt, recipients, false)
    const known = recovered.get(accountId)
    const id = known ?? receivedId(receipt.receivedAt, receipt.sesId, accountId)
    if (known !== undefined) {
      const entry = receiveEntry({ accountId, id, envelope: { ...envelope, receivedAt: receipt.receivedAt } })
      await ports.receiveQueue.send([{ body: entry }])
    } else if (!(await isKnown(ports, accountId, id, envelope))) {
      await acceptFrom(ports, source && rawKey(...source), { id, ...envelope })
    }
  }
}

/** It has its bytes, or a place in a mailbox, or had one until it was deleted. */
async function isKnown(ports: Taking, accountId: string, id: string, envelope: Pick<InboundEnvelope, 'recipients'>) {
  if ((await ports.blobs.open(rawKey(accountId, id))) !== undefined) return true
  return hasArrived(ports.table, accountId, await mailboxesFor(ports, accountId, envelope), id)
}

async function acceptFrom(ports: Taking, key: string | undefined, inbound: Inbound): Promise<void> {
  const raw = key === undefined ? undefined : await ports.blobs.open(key)
  if (raw === undefined) throw new StoreError('Unavailable', 'the object that SES announced is not there')
  await ports.inFlight.use(raw.size, () => accept(ports, inbound, raw.body))
}

function envelopeOf({ returnPath, verdicts }: Receipt, recipients: readonly string[], reconstructed: boolean) {
  const told = { ...(reconstructed && { reconstructed }), ...(verdicts && { verdicts }) }
  return { returnPath, recipients, remoteAddress: '', helo: '', tls: false, ...told }
}

type ByAccount = ReadonlyMap<string, readonly string[]>

async function ownersOf({ table }: SesPorts, recipients: readonly string[]): Promise<ByAccount> {
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

/** One that cannot be had does not keep the others back: the entry comes again for its sake, and they are known then. */
async function recoverAll(ports: Taking, stored: readonly Stored[]): Promise<void> {
  const faults: unknown[] = []
  for (let from = 0; from < stored.length; from += RECOVERED_AT_ONCE) {
    const some = stored.slice(from, from + RECOVERED_AT_ONCE)
    const outcomes = await Promise.allSettled(some.map((one) => recoverLost(ports, one)))
    faults.push(...outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : [])))
  }
  if (faults.length > 0) throw faults[0]
}

/**
 * An object whose notification should have come long ago: one that is still there was never taken over. Its envelope is
 * made of its header fields, and marked as such; Bcc recipients are lost.
 */
async function recoverLost(ports: Taking, { key, storedAt }: Stored): Promise<void> {
  const detail = await inspect(ports.blobs, key, ports.inFlight)
  if (detail === undefined) return
  const { from, to, cc, bcc } = detail.index.envelope
  const addressed = [to, cc, bcc].flatMap((list) => readAddresses(list)).map(({ address }) => address)
  ports.log.warn('mail whose notification was lost is received by its header fields', { object: key })
  const returnPath = readAddresses(from)[0]?.address ?? ''
  const sesId = key.slice(key.lastIndexOf('/') + 1)
  const receipt = { sesId, key, returnPath, recipients: addressed, receivedAt: storedAt }
  await acceptReceipt(ports, receipt, { reconstructed: true, settle: true })
}
