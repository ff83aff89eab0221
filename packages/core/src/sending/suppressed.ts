import type { Message } from '../messages/message.ts'
import type { Table } from '../ports/table.ts'
import { type Suppression, type SuppressionPorts, suppress, suppressedAmong } from '../suppressions/suppressions.ts'
import { simulate } from './simulate.ts'
import type { Outcome } from './status.ts'

const WORDS: Readonly<Record<Suppression['origin'], string>> = {
  bounce: 'The address is on the suppression list: mail to it bounced',
  complaint: 'The address is on the suppression list: its owner reported mail as spam',
  manual: 'The address was put on the suppression list by hand',
}

/** Outcomes of the pending recipients who need no relay: the test addresses, and who is on the suppression list. One read. */
export async function answered(table: Table, { accountId, recipients }: Message): Promise<readonly Outcome[]> {
  const pending = recipients.filter((recipient) => recipient.pending).map(({ address }) => address)
  const simulated = pending.flatMap((address) => simulate(address) ?? [])
  const others = pending.filter((address) => simulate(address) === undefined)
  const suppressed = await suppressedAmong(table, accountId, others)
  return [
    ...simulated,
    ...[...suppressed].map(
      ([recipient, { origin }]): Outcome => ({
        recipient,
        status: 'suppressed',
        diagnostic: WORDS[origin],
        suppression: origin,
      }),
    ),
  ]
}

/** There is no such mailbox or domain (RFC 3463 section 3.2; 5.1.10 of RFC 7505 section 4). */
const NOBODY = ['5.1.1', '5.1.2', '5.1.3', '5.1.10']

/** Puts on the suppression list whom these outcomes speak of for ever. Repeating it changes nothing. */
export async function suppressAfter(
  ports: SuppressionPorts,
  { accountId, id }: Message,
  outcomes: readonly Outcome[],
): Promise<void> {
  for (const outcome of outcomes) {
    const origin = simulate(outcome.recipient) === undefined ? originOf(outcome) : undefined
    if (origin !== undefined) await suppress(ports, accountId, { address: outcome.recipient, origin, sourceId: id })
  }
}

function originOf(outcome: Outcome): Suppression['origin'] | undefined {
  if (outcome.status === 'complained') return 'complaint'
  // On the relay's own list, which holds bounces, and not on ours.
  if (outcome.status === 'suppressed' && outcome.suppression === undefined) return 'bounce'
  return outcome.status === 'bounced' && isForEver(outcome) ? 'bounce' : undefined
}

/** Some say 550 for whatever they dislike; then the enhanced code tells, and 5.0.0 tells nothing. */
function isForEver({ bounce, enhanced, replyCode, refused }: Outcome): boolean {
  if (bounce !== undefined && bounce.type !== 'Permanent') return false
  if (bounce?.subType === 'NoEmail') return true
  if (enhanced !== undefined && enhanced !== '5.0.0') return NOBODY.includes(enhanced)
  return replyCode === 550 && refused !== 'message'
}
