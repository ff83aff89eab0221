import { MailError } from '../errors.ts'
import type { AppendedMessage } from '../messages/message.ts'
import { appendedItem } from '../messages/rows.ts'
import { StoreError } from '../ports/table.ts'
import type { Box } from '../store/mailbox-keys.ts'
import { type Arrival, arrive } from './arrive.ts'
import { changeMailbox } from './change.ts'
import { type Join, joinThreads } from './join-threads.ts'
import type { UidRange } from './model.ts'
import { rangesOf } from './noted-changes.ts'
import { folderRef } from './rows.ts'
import type { MailboxPorts, Step } from './step.ts'

/** A message whose octets and reading are stored already; `arrival.content` names it. */
export type Appended = { readonly arrival: Arrival; readonly message: AppendedMessage }
/** APPENDUID of RFC 9051 section 6.3.12. */
export type AppendedAt = { readonly uidValidity: number; readonly uids: readonly UidRange[] }

/**
 * Puts messages into one folder, all or none of them (RFC 3502). The rows of the messages are written in the same
 * transaction, so what fails leaves bytes at most, which nothing names.
 * @throws {MailError} `not_found`, `storage_full`
 * @throws {StoreError} `Conflict`; `TooLarge` past what one transaction takes, which is about ten messages
 */
export async function append(
  ports: MailboxPorts,
  box: Box,
  folder: string,
  messages: readonly Appended[],
): Promise<AppendedAt> {
  for (;;) {
    const made = await changeMailbox(ports, box, (step) => step.must(() => appendAll(step, folder, messages)))
    if ('uidValidity' in made) return made
    await joinThreads(ports, box, made)
  }
}

async function appendAll(step: Step, folder: string, messages: readonly Appended[]): Promise<AppendedAt | Join> {
  const uids: number[] = []
  for (const { arrival, message } of messages) {
    const found = await step.read(folderRef(step.box, folder))
    if (found === undefined) throw new MailError('not_found', 'Folder not found')
    step.own(arrival.content, appendedItem(message))
    const arrived = await arrive(step, { ...arrival, folder }, 'appended')
    if (typeof arrived !== 'string') {
      step.abandon()
      return arrived
    }
    if (arrived === 'over_quota') throw new MailError('storage_full', 'The mailbox is full.')
    if (arrived !== 'placed') throw new StoreError('Invalid', 'an id of an appended message is in use')
    uids.push(found.uidNext)
  }
  const { uidValidity = 0 } = (await step.read(folderRef(step.box, folder))) ?? {}
  return { uidValidity, uids: rangesOf(uids) }
}
