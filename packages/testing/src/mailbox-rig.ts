/** The rig of the tests of mailboxes: the real engine in memory, and a clock on which waiting writers take turns. */
import { claimDomain } from '@kabutar/core/domains/domains.ts'
import type { Arrival } from '@kabutar/core/mailboxes/arrive.ts'
import { createMailbox } from '@kabutar/core/mailboxes/mailboxes.ts'
import type { MailboxPorts } from '@kabutar/core/mailboxes/step.ts'
import type { AppendedMessage, ReceivedMessage } from '@kabutar/core/messages/message.ts'
import { receivedItem } from '@kabutar/core/messages/rows.ts'
import { timeOf } from '@kabutar/core/ports/ids.ts'
import { newCaches } from '@kabutar/core/store/cache.ts'
import type { Box } from '@kabutar/core/store/mailbox-keys.ts'
import { putIfAbsent } from '@kabutar/core/store/once.ts'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { type SimulatedClock, simulatedClock } from './simulated-clock.ts'

export type MailboxRig = MailboxPorts & {
  readonly clock: SimulatedClock
  readonly box: Box
  /** Waits for some work while time passes. */
  during<T>(work: Promise<T>): Promise<T>
}

const START = Date.parse('2026-11-22T12:00:00Z')

/** Account `a` with kabutar.test, and its mailbox ada@kabutar.test. */
export async function mailboxRig(): Promise<MailboxRig> {
  const clock = simulatedClock(START)
  const table = clock.working(sqliteTable(memoryEngine(), clock))
  const ports = { table, clock, ids: uuidIds(clock), caches: newCaches(clock) }
  const during = async <T>(work: Promise<T>): Promise<T> => {
    let isOver = false
    const over = () => {
      isOver = true
    }
    work.then(over, over)
    await clock.run(() => isOver)
    return work
  }
  await during(claimDomain(ports, 'a', 'kabutar.test'))
  const { id } = await during(createMailbox(ports, 'a', { name: 'Ada', addresses: ['ada@kabutar.test'] }))
  return { ...ports, box: { accountId: 'a', mailboxId: id }, during }
}

export type Letter = Partial<Arrival> & { readonly from?: string; readonly to?: readonly string[] }

/** A received message of a mail program that names no others, unless `some` says more. */
export function letterOf(ports: MailboxPorts, some: Letter = {}): Arrival {
  const id = some.id ?? ports.ids.next()
  const { from: _, to: __, ...given } = some
  return {
    id,
    content: { direction: 'received', id },
    folder: 'inbox',
    flags: [],
    keywords: [],
    receivedAt: timeOf(id),
    size: 1000,
    hasAttachment: false,
    subject: 'Hello',
    strangers: ['eve@far.test'],
    messageIds: [`<${id}@far.test>`],
    references: [],
    ...given,
  }
}

const rawOf = (accountId: string, { content: { id }, subject, messageIds, size }: Arrival, some: Letter) => ({
  id,
  accountId,
  from: some.from ?? 'Eve <eve@far.test>',
  to: some.to ?? ['ada@kabutar.test'],
  cc: [],
  bcc: [],
  replyTo: [],
  subject,
  preview: '',
  messageId: messageIds[0] ?? '',
  size,
  attachments: [],
  content: { form: 'raw', blob: `${accountId}/${id}`, reading: { place: 'row' } } as const,
})

/** Writes the row of a received message if it is not there, and answers it as a mailbox takes it. */
export async function received(ports: MailboxPorts, accountId: string, some: Letter = {}): Promise<Arrival> {
  const arrival = letterOf(ports, some)
  const envelope = {
    returnPath: 'eve@far.test',
    recipients: ['ada@kabutar.test'],
    remoteAddress: '192.0.2.1',
    helo: 'far.test',
    tls: true,
    receivedAt: arrival.receivedAt,
  }
  const raw = rawOf(accountId, arrival, some)
  const message: ReceivedMessage = { ...raw, direction: 'received', envelope, thread: raw.id }
  await putIfAbsent(ports.table, receivedItem(message))
  return arrival
}

/** A message to be appended. */
export function appended(ports: MailboxPorts, accountId: string, some: Letter = {}) {
  const letter = letterOf(ports, some)
  const arrival: Arrival = { ...letter, content: { direction: 'appended', id: letter.id } }
  const message: AppendedMessage = { ...rawOf(accountId, arrival, some), direction: 'appended' }
  return { arrival, message }
}
