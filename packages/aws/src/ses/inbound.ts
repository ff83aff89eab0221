/**
 * Mail that SES received: it lies in the bucket, under SES's key, and a notification brings the envelope. It is received
 * from where it lies, in the invocation that hears of it. The object belongs to one of the accounts that it is for, and
 * any other gets a copy. Ids and owner follow from SES's id and the notification, so that what is announced twice is
 * received once.
 */

import { MailError } from '@kabutar/core/errors.ts'
import { hasArrived } from '@kabutar/core/mailboxes/rows.ts'
import type { Incoming } from '@kabutar/core/messages/received.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import type { Delivery, Failure } from '@kabutar/core/ports/queue.ts'
import { rawKey, recipientOwner } from '@kabutar/core/receiving/accept.ts'
import { inFlightBudget, inspect } from '@kabutar/core/receiving/inspect.ts'
import { Failures, type Job, MAX_AT_ONCE, receiveBatch, receiveJobs } from '@kabutar/core/receiving/receive.ts'
import type { ReceivePorts } from '@kabutar/core/receiving/receive-ports.ts'
import type { KeepPorts } from '@kabutar/core/receiving/store-message.ts'
import { readAddresses } from '@kabutar/mail/read-addresses.ts'
import { parseAwsEntry, type Receipt, type Stored } from './receipt.ts'
import { receivedId, type Settled, settle } from './received-ids.ts'

export type SesPorts = ReceivePorts & { readonly log: Log }
type Taking = KeepPorts & { readonly signal: AbortSignal; readonly ownerOf: OwnerOf }

/** Well before an object that nobody spoke of is recovered (15 minutes). */
const LATE_MS = 10 * 60_000

/** The handler of the receive queue behind SES: notifications and events of AWS, and entries of our own. */
export async function receiveFromSes(
  ports: SesPorts,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<readonly Failure[]> {
  const failures = new Failures(ports.log)
  const taking = { ...ports, signal, inFlight: inFlightBudget(signal), ownerOf: rememberedOwners(ports) }
  const own: Delivery[] = []
  const jobs: Job[] = []
  // One after the other: an entry may bring thousands of S3's events, and a notification asks for next to nothing.
  for (const delivery of batch) {
    try {
      const mails = await mailsOf(taking, delivery, (error) => failures.add(delivery, error))
      if (mails === undefined) own.push(delivery)
      else jobs.push(...mails.map((mail) => ({ delivery, mail })))
    } catch (error) {
      failures.add(delivery, error)
    }
  }
  await receiveCopiesFirst(taking, jobs, failures)
  return [...failures.all(), ...(await receiveBatch(ports, own, signal))]
}

/**
 * An object's owner is served last. Who asks whether an object is known asks for its owner's guard (`recoverLost`), and
 * that says then that everybody has it.
 */
async function receiveCopiesFirst(ports: Taking, jobs: readonly Job[], failures: Failures): Promise<void> {
  const failed = new Set<string | undefined>()
  const receiveSome = (some: readonly Job[]) =>
    receiveJobs(ports, some, (lost, error) => {
      for (const { delivery, mail } of lost) {
        failures.add(delivery, error)
        failed.add(mail.copyOf)
      }
    })
  await receiveSome(jobs.filter(({ mail }) => mail.copyOf !== undefined))
  await receiveSome(jobs.filter(({ mail }) => mail.copyOf === undefined && !failed.has(mail.blob)))
}

/** Undefined for an entry of our own. `fail` is told of an object that cannot be had: the others are received. */
async function mailsOf(ports: Taking, delivery: Delivery, fail: (error: unknown) => void) {
  const entry = parseAwsEntry(delivery.body)
  if (entry === undefined) return undefined
  if ('receipt' in entry) return mailsOfReceipt(ports, entry.receipt, heardNow(ports, entry.receipt, delivery))
  const lost: Incoming[] = []
  for (let at = 0; at < entry.stored.length; at += MAX_AT_ONCE) {
    ports.signal.throwIfAborted()
    const some = entry.stored.slice(at, at + MAX_AT_ONCE)
    for (const outcome of await Promise.allSettled(some.map((stored) => recoverLost(ports, stored)))) {
      if (outcome.status === 'fulfilled') lost.push(...outcome.value)
      else fail(outcome.reason)
    }
  }
  return lost
}

function heardNow({ clock }: SesPorts, { receivedAt }: Receipt, { attempt }: Delivery): Heard {
  return { reconstructed: false, settled: attempt > 1 || clock.now() - receivedAt > LATE_MS }
}

/** How a message was heard of. `settled`: it may have been heard of another way, so ids and owner are settled on. */
type Heard = { readonly reconstructed: boolean; readonly settled: boolean }

/** One for each account. Recipients that nobody here has are left out; a message that has no other stays where it is. */
async function mailsOfReceipt(ports: Taking, receipt: Receipt, heard: Heard): Promise<readonly Incoming[]> {
  const { key, sesId, receivedAt } = receipt
  const byAccount = await byOwner(ports, receipt.recipients)
  const [owner] = [...byAccount.keys()].sort()
  if (owner === undefined) {
    ports.log.warn('SES received mail for nobody here', { object: key })
    return []
  }
  const mine = { at: receivedAt, owner }
  // Of several, one might lose its domain before a second attempt, and another must not have the object then.
  const asks = heard.settled || byAccount.size > 1
  const settled = asks ? await settle(ports.table, key, mine, ports.clock.now()) : mine
  return [...byAccount].map(([accountId, recipients]) => {
    const id = receivedId(settled.at, sesId, accountId)
    const envelope = envelopeOf(receipt, recipients, settled, heard.reconstructed)
    const isOwner = accountId === settled.owner
    return { accountId, id, envelope, ...(isOwner ? { blob: key } : { blob: rawKey(accountId, id), copyOf: key }) }
  })
}

function envelopeOf(receipt: Receipt, recipients: readonly string[], { at }: Settled, reconstructed: boolean) {
  const { returnPath, verdicts } = receipt
  const told = { ...(reconstructed && { reconstructed }), ...(verdicts && { verdicts }) }
  return { returnPath, recipients, remoteAddress: '', helo: '', tls: false, receivedAt: at, ...told }
}

/** The account of a recipient; undefined if nobody here has it. */
type OwnerOf = (recipient: string) => Promise<string | undefined>

async function byOwner({ ownerOf }: Taking, recipients: readonly string[]): Promise<Map<string, string[]>> {
  const byAccount = new Map<string, string[]>()
  for (const recipient of new Set(recipients)) {
    const owner = await ownerOf(recipient)
    if (owner !== undefined) byAccount.set(owner, [...(byAccount.get(owner) ?? []), recipient])
  }
  return byAccount
}

/** Every common name of a domain has the same owner, so a batch asks once for each domain. */
function rememberedOwners({ table }: SesPorts): OwnerOf {
  const known = new Map<string, Promise<string | undefined>>()
  return (recipient) => {
    const address = recipient.replace(/^[\w.+-]{1,64}@/, 'x@')
    const owner = known.get(address) ?? recipientOwner(table, address).catch(ifNobody)
    known.set(address, owner)
    return owner
  }
}

function ifNobody(error: unknown): undefined {
  if (!(error instanceof MailError)) throw error
}

/**
 * An object whose notification should have come long ago, and which nobody has received: its envelope is made of its
 * header fields, and marked as such; Bcc recipients are lost.
 */
async function recoverLost(ports: Taking, { key, storedAt }: Stored): Promise<readonly Incoming[]> {
  if (await hasArrived(ports.table, key)) return []
  const detail = await inspect(ports.blobs, key, ports.inFlight)
  if (detail === undefined) return []
  const { from, to, cc, bcc } = detail.index.envelope
  const addressed = [to, cc, bcc].flatMap((list) => readAddresses(list)).map(({ address }) => address)
  ports.log.warn('mail whose notification was lost is received by its header fields', { object: key })
  const returnPath = readAddresses(from)[0]?.address ?? ''
  const sesId = key.slice(key.lastIndexOf('/') + 1)
  const receipt = { sesId, key, returnPath, recipients: addressed, receivedAt: storedAt }
  return mailsOfReceipt(ports, receipt, { reconstructed: true, settled: true })
}
