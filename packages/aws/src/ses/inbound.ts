/**
 * The receive queue behind SES. SES stores a message in the bucket under a key of its own, and a notification brings the
 * envelope. The message is received from that object, in the invocation that gets the notification. The object belongs to
 * one of the accounts that the message is for; every other account gets a copy. Ids and owner follow from SES's id and the
 * notification, so that a message that is announced twice is received once.
 */

import { MailError } from '@kabutar/core/errors.ts'
import { blobKey } from '@kabutar/core/messages/blob-keys.ts'
import type { Incoming } from '@kabutar/core/messages/received.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import type { Delivery, Failure } from '@kabutar/core/ports/queue.ts'
import type { Table } from '@kabutar/core/ports/table.ts'
import { recipientOwner } from '@kabutar/core/receiving/accept.ts'
import { type Job, MAX_AT_ONCE, receiveBatch, receiveJobs } from '@kabutar/core/receiving/receive.ts'
import { type ReceivePorts, type StorePorts, wereReceived } from '@kabutar/core/receiving/store-message.ts'
import { Failures } from '@kabutar/core/store/failures.ts'
import { parseNotification, type Receipt, type StoredObject } from './notification.ts'
import { findSettled, receivedId, type Settled, sesIdOf, settle } from './received-ids.ts'
import { reconstructReceipt } from './reconstruct-envelope.ts'

export type SesInboundPorts = ReceivePorts & { readonly log: Log }
/** Ports of one batch. */
type BatchPorts = StorePorts & { readonly ownerOf: OwnerOf }

/** Handles a batch of the receive queue: notifications of AWS here, and entries of ours in core's `receiveBatch`. */
export async function receiveFromSes(
  ports: SesInboundPorts,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<readonly Failure[]> {
  const failures = new Failures(ports, 'receive', signal)
  const batchPorts = { ...ports, signal, ownerOf: cachedOwners(ports) }
  const own: Delivery[] = []
  const jobs: Job[] = []
  // Handles entries one after the other: one may hold thousands of S3's events, and a notification needs few look-ups.
  for (const delivery of batch) {
    try {
      const mails = await mailsOf(batchPorts, delivery, (error) => failures.add(delivery, error))
      if (mails === undefined) own.push(delivery)
      else jobs.push(...mails.map((mail) => ({ delivery, mail })))
    } catch (error) {
      failures.add(delivery, error)
    }
  }
  await receiveCopiesFirst(batchPorts, jobs, failures)
  return [...failures.all(), ...(await receiveBatch(ports, own, signal))]
}

/**
 * Receives for an object's owner last. `recoverObject` asks only whether the owner has the message, and takes a yes to
 * mean that every other account has it too.
 */
async function receiveCopiesFirst(ports: BatchPorts, jobs: readonly Job[], failures: Failures): Promise<void> {
  const failedObjects = new Set<string | undefined>()
  const receiveSome = (some: readonly Job[]) =>
    receiveJobs(ports, some, (failed, error) => {
      for (const { delivery, mail } of failed) {
        failures.add(delivery, error)
        failedObjects.add(mail.copyOf)
      }
    })
  await receiveSome(jobs.filter(({ mail }) => mail.copyOf !== undefined))
  await receiveSome(jobs.filter(({ mail }) => mail.copyOf === undefined && !failedObjects.has(mail.blob)))
}

/** Undefined for an entry of ours. `fail` gets the error of each object that cannot be read; the others are received. */
async function mailsOf(
  ports: BatchPorts,
  delivery: Delivery,
  fail: (error: unknown) => void,
): Promise<readonly Incoming[] | undefined> {
  const notification = parseNotification(delivery.body)
  if (notification === undefined) return undefined
  if (notification.kind === 'receipt') return mailsOfReceipt(ports, notification.receipt, false)
  return notification.kind === 'objects' ? mailsOfObjects(ports, notification.objects, fail) : []
}

async function mailsOfObjects(
  ports: BatchPorts,
  objects: readonly StoredObject[],
  fail: (error: unknown) => void,
): Promise<readonly Incoming[]> {
  const mails: Incoming[] = []
  for (let at = 0; at < objects.length; at += MAX_AT_ONCE) {
    ports.signal.throwIfAborted()
    const some = objects.slice(at, at + MAX_AT_ONCE)
    for (const outcome of await Promise.allSettled(some.map((object) => recoverObject(ports, object)))) {
      if (outcome.status === 'fulfilled') mails.push(...outcome.value)
      else fail(outcome.reason)
    }
  }
  return mails
}

/** Makes one message for each account. Leaves out other recipients; a message for no domain of ours stays in the bucket. */
async function mailsOfReceipt(
  ports: BatchPorts,
  receipt: Receipt,
  reconstructed: boolean,
): Promise<readonly Incoming[]> {
  const { key, sesId, receivedAt } = receipt
  const byAccount = await recipientsByOwner(ports, receipt.recipients)
  const [owner] = [...byAccount.keys()].sort()
  if (owner === undefined) {
    ports.log.warn('SES received mail for no domain of ours', { object: key })
    return []
  }
  const settled = await settle(ports.table, key, { at: receivedAt, owner }, ports.clock.now())
  return [...byAccount].map(([accountId, recipients]) => {
    const id = receivedId(settled.at, sesId, accountId)
    const envelope = envelopeOf(receipt, recipients, settled, reconstructed)
    const isOwner = accountId === settled.owner
    return { accountId, id, envelope, ...(isOwner ? { blob: key } : { blob: blobKey(accountId, id), copyOf: key }) }
  })
}

function envelopeOf(receipt: Receipt, recipients: readonly string[], { at }: Settled, reconstructed: boolean) {
  const { returnPath, verdicts } = receipt
  const optional = { ...(reconstructed && { reconstructed }), ...(verdicts && { verdicts }) }
  return { returnPath, recipients, remoteAddress: '', helo: '', tls: false, receivedAt: at, ...optional }
}

/** Returns the account of a recipient; undefined if the domain is not ours. */
type OwnerOf = (recipient: string) => Promise<string | undefined>

async function recipientsByOwner(
  { ownerOf }: BatchPorts,
  recipients: readonly string[],
): Promise<Map<string, string[]>> {
  const byAccount = new Map<string, string[]>()
  for (const recipient of new Set(recipients)) {
    const owner = await ownerOf(recipient)
    if (owner !== undefined) byAccount.set(owner, [...(byAccount.get(owner) ?? []), recipient])
  }
  return byAccount
}

/** Looks a domain up once a batch: every common local part of a domain has the same owner. */
function cachedOwners({ table }: SesInboundPorts): OwnerOf {
  const owners = new Map<string, Promise<string | undefined>>()
  return (recipient) => {
    const address = recipient.replace(/^[\w.+-]{1,64}@/, 'x@')
    const owner = owners.get(address) ?? recipientOwner(table, address).catch(undefinedIfRefused)
    owners.set(address, owner)
    return owner
  }
}

function undefinedIfRefused(error: unknown): undefined {
  if (!(error instanceof MailError)) throw error
}

/** Receives an object that nobody has received although its notification is overdue. */
async function recoverObject(ports: BatchPorts, object: StoredObject): Promise<readonly Incoming[]> {
  if (await isReceived(ports.table, object.key)) return []
  const receipt = await reconstructReceipt(ports, object)
  if (receipt === undefined) return []
  ports.log.warn('no notification came for a message; its envelope is made of header fields', { object: object.key })
  return mailsOfReceipt(ports, receipt, true)
}

/** True if the object's owner has received it, and so has every other account before. */
async function isReceived(table: Table, object: string): Promise<boolean> {
  const settled = await findSettled(table, object)
  if (settled === undefined) return false
  const { at, owner: accountId } = settled
  const [received] = await wereReceived(table, [{ accountId, id: receivedId(at, sesIdOf(object), accountId) }])
  return received === true
}
