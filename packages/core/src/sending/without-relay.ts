import type { SentMessage } from '../messages/message.ts'
import type { Table } from '../ports/table.ts'
import { type Suppression, suppressedAmong } from '../suppressions/suppressions.ts'
import type { Outcome } from './status.ts'

const REASONS: Readonly<Record<Suppression['origin'], string>> = {
  bounce: 'The address is on the suppression list: mail to it bounced',
  complaint: 'The address is on the suppression list: its owner reported mail as spam',
  manual: 'The address was put on the suppression list by hand',
}

/** Addresses of this domain are never relayed; each behaves as its local part says, with or without a `+label`. */
const TEST_DOMAIN = '@resend.dev'
const TEST_ADDRESSES: Readonly<Record<string, (recipient: string) => readonly Outcome[]>> = {
  delivered: (recipient) => [{ recipient, status: 'delivered' }],
  bounced: (recipient) => [
    { recipient, status: 'sent' },
    {
      recipient,
      status: 'bounced',
      replyCode: 550,
      enhanced: '5.1.1',
      diagnostic: '550 5.1.1 The email account that you tried to reach does not exist',
    },
  ],
  complained: (recipient) => [
    { recipient, status: 'delivered' },
    { recipient, status: 'complained' },
  ],
  suppressed: (recipient) => [
    { recipient, status: 'suppressed', diagnostic: 'The address is on the suppression list' },
  ],
}

/** The outcomes at a test address, on every platform; undefined for any other address. */
export function simulate(recipient: string): readonly Outcome[] | undefined {
  if (!recipient.endsWith(TEST_DOMAIN)) return undefined
  const label = recipient.slice(0, -TEST_DOMAIN.length).split('+')[0] ?? ''
  return Object.hasOwn(TEST_ADDRESSES, label) ? TEST_ADDRESSES[label]?.(recipient) : undefined
}

/** Outcomes of the pending recipients that are not relayed to: test addresses and suppressed ones. One batch read. */
export async function outcomesWithoutRelay(
  table: Table,
  { accountId, recipients }: SentMessage,
): Promise<readonly Outcome[]> {
  const pending = recipients.filter((recipient) => recipient.pending).map(({ address }) => address)
  const simulated = pending.flatMap((address) => simulate(address) ?? [])
  const others = pending.filter((address) => simulate(address) === undefined)
  const suppressed = [...(await suppressedAmong(table, accountId, others))].map(
    ([recipient, { origin }]): Outcome => ({
      recipient,
      status: 'suppressed',
      diagnostic: REASONS[origin],
      suppression: origin,
    }),
  )
  return [...simulated, ...suppressed]
}
