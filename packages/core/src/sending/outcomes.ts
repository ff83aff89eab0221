/**
 * Records what became of recipients, whether the relay's reply or later feedback says so. The order of the writes survives
 * a crash at any step: events, Message-IDs, suppressions, the message's row, and webhooks. A worker that repeats the record
 * after a crash does the rest and doubles nothing.
 */
import { type Counts, countMails } from '../accounts/reputation.ts'
import type { Recipient, SentMessage } from '../messages/message.ts'
import { type Progress, readSent, writeProgress } from '../messages/rows.ts'
import { putMessageIds } from '../messages/threads.ts'
import type { Ids } from '../ports/ids.ts'
import type { Log } from '../ports/log.ts'
import { isConditionFailed } from '../ports/table.ts'
import { insist } from '../store/once.ts'
import { type Suppression, suppress } from '../suppressions/suppressions.ts'
import { lateEventTtl, type MailEvent, putEvents } from '../webhooks/event.ts'
import { type NotifyPorts, notify } from '../webhooks/notify.ts'
import type { Outcome } from './status.ts'
import { simulate } from './without-relay.ts'

export type RecordPorts = NotifyPorts & { readonly ids: Ids; readonly log: Log }
/** Adds the counts of the batch that the outcomes are part of. */
export type BatchRecordPorts = RecordPorts & { readonly tally: Tally }
type OutcomesRecord = {
  readonly outcomes: readonly Outcome[]
  /** The first is durable before the others are written. */
  readonly events: readonly MailEvent[]
  /** Set where replies have to find the message's thread: the Message-ID that recipients see, and what it answers. */
  readonly sentAs?: { readonly messageId: string | undefined; readonly answers: readonly string[] }
  /** The change of the row as it is read; undefined if the row says all of it. */
  change(current: SentMessage): Progress | undefined
}

const MAX_TRIES = 8

/** Answers the row as this call wrote it; undefined if there was nothing to write. */
export async function recordOutcomes(
  ports: BatchRecordPorts,
  message: SentMessage,
  record: OutcomesRecord,
): Promise<SentMessage | undefined> {
  const { accountId } = message
  const { outcomes, events, sentAs } = record
  const [first, ...others] = events
  const ttl = message.eventsExpiredAt === undefined ? undefined : lateEventTtl(ports.clock.now())
  if (first !== undefined) await insist(ports.clock, () => putEvents(ports.table, accountId, [first], ttl))
  await putEvents(ports.table, accountId, others, ttl)
  if (sentAs !== undefined) await putMessageIds(ports, message, sentAs.messageId, sentAs.answers)
  await suppressAfter(ports, message, outcomes)
  const written = await changeRow(ports, message, record.change)
  await notify(ports, accountId, events)
  if (written !== undefined) ports.tally.add(written, outcomes)
  return written?.after
}

type Written = { readonly before: SentMessage; readonly after: SentMessage }

/** Writes the change; if another writer was faster, the change of what is there now. */
export async function changeRow(
  { table }: Pick<RecordPorts, 'table'>,
  message: SentMessage,
  change: OutcomesRecord['change'],
): Promise<Written | undefined> {
  let before: SentMessage | undefined = message
  for (let tries = 0; before !== undefined && tries < MAX_TRIES; tries++) {
    const progress = change(before)
    if (progress === undefined) return undefined
    try {
      return { before, after: await writeProgress(table, before, progress) }
    } catch (error) {
      if (!isConditionFailed(error)) throw error
      before = await readSent(table, message.accountId, message.id)
    }
  }
  if (before !== undefined) throw new Error(`a message row changed under ${MAX_TRIES} writes in a row`)
  return undefined
}

/** No such mailbox or domain (RFC 3463 section 3.2; 5.1.10 is RFC 7505 section 4). */
const NO_MAILBOX = ['5.1.1', '5.1.2', '5.1.3', '5.1.10']

/** Suppresses the addresses that will never take mail again, and those whose owner complained. */
async function suppressAfter(
  ports: RecordPorts,
  { accountId, id }: SentMessage,
  outcomes: readonly Outcome[],
): Promise<void> {
  for (const outcome of outcomes) {
    const origin = simulate(outcome.recipient) === undefined ? suppressionAfter(outcome) : undefined
    if (origin !== undefined) await suppress(ports, accountId, { address: outcome.recipient, origin, sourceId: id })
  }
}

function suppressionAfter(outcome: Outcome): Suppression['origin'] | undefined {
  if (outcome.status === 'complained') return 'complaint'
  // The address is on the relay's own list, which holds bounces, and not on ours.
  if (outcome.status === 'suppressed' && outcome.suppression === undefined) return 'bounce'
  return outcome.status === 'bounced' && saysNoMailbox(outcome) ? 'bounce' : undefined
}

/** Some servers say 550 for whatever they dislike; then the enhanced code decides, unless it is 5.0.0, which says nothing. */
function saysNoMailbox({ bounce, enhanced, replyCode, refused }: Outcome): boolean {
  if (bounce !== undefined && bounce.type !== 'Permanent') return false
  if (bounce?.subType === 'NoEmail') return true
  if (enhanced !== undefined && enhanced !== '5.0.0') return NO_MAILBOX.includes(enhanced)
  return replyCode === 550 && refused !== 'message'
}

/** The relay took the message for this recipient. */
const isRelayed = ({ pending, status }: Recipient) => !pending && status !== 'failed' && status !== 'suppressed'
const isPermanent = ({ status, bounce }: Outcome) =>
  status === 'bounced' && (bounce?.type ?? 'Permanent') === 'Permanent'

/** Mails of a batch for the reputation of their accounts: written once at the batch's end, one row an account. */
export class Tally {
  readonly #counts = new Map<string, Counts>()

  /**
   * Counts the recipients that the write took from pending to relayed, and the outcomes that were news to the row. Recipients
   * are compared and not outcomes: a report on one of them may be the first to tell that the relay took all. Test addresses
   * do not count.
   */
  add({ before, after }: Written, outcomes: readonly Outcome[]): void {
    const { accountId } = before
    const earlier = new Map(before.recipients.map((recipient) => [recipient.address, recipient]))
    const isReal = (address: string) => simulate(address) === undefined
    const relayed = after.recipients.filter(
      (recipient) => isReal(recipient.address) && isRelayed(recipient) && earlier.get(recipient.address)?.pending,
    )
    const news = outcomes.filter(
      ({ recipient, status }) => isReal(recipient) && earlier.get(recipient)?.status !== status,
    )
    const { sent, bounced, complained } = this.#counts.get(accountId) ?? { sent: 0, bounced: 0, complained: 0 }
    this.#counts.set(accountId, {
      sent: sent + relayed.length,
      bounced: bounced + news.filter(isPermanent).length,
      complained: complained + news.filter(({ status }) => status === 'complained').length,
    })
  }

  /** Never throws: a count that is lost is no reason to repeat a batch. */
  async write(ports: RecordPorts): Promise<void> {
    for (const [accountId, counts] of this.#counts) {
      try {
        await countMails(ports, accountId, counts)
      } catch (error) {
        ports.log.warn('outcomes were not counted', { account: accountId, error: error as Error })
      }
    }
  }
}
