import type { Outcome } from './status.ts'

/** Addresses that never leave us and behave as their local part says, with or without a `+label`. */
const DOMAIN = '@resend.dev'
const SIMULATED: Readonly<Record<string, (recipient: string) => readonly Outcome[]>> = {
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

/** What happens at a test address, or undefined for any other. Nothing is relayed for it, on no platform. */
export function simulate(recipient: string): readonly Outcome[] | undefined {
  if (!recipient.endsWith(DOMAIN)) return undefined
  const label = recipient.slice(0, -DOMAIN.length).split('+')[0] ?? ''
  return Object.hasOwn(SIMULATED, label) ? SIMULATED[label]?.(recipient) : undefined
}
