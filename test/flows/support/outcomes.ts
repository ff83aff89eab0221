/** The webhook events that each recipient leads to, and the fields of each besides those of the message. */
type Events = Readonly<Record<string, object>>
type Outcome = {
  readonly to: string
  readonly events: Events
  /** SES accepts everything and reports afterwards; when it gives up it reports a transient bounce. */
  readonly behindSes?: Events
}

export const OUTCOMES: readonly Outcome[] = [
  { to: 'fine@dest.test', events: { 'email.sent': {} } },
  { to: 'delivered@resend.dev', events: { 'email.sent': {}, 'email.delivered': {} } },
  { to: 'complained@resend.dev', events: { 'email.sent': {}, 'email.delivered': {}, 'email.complained': {} } },
  {
    to: 'bounce@dest.test',
    events: {
      'email.bounced': {
        bounce: {
          message: '550 5.1.1 No such user',
          type: 'Permanent',
          subType: 'NoEmail',
          diagnosticCode: ['550 5.1.1 No such user'],
        },
      },
    },
    behindSes: {
      'email.sent': {},
      'email.bounced': {
        bounce: {
          message: 'smtp; 550 5.1.1 No such user',
          type: 'Permanent',
          subType: 'General',
          diagnosticCode: ['smtp; 550 5.1.1 No such user'],
        },
      },
    },
  },
  {
    to: 'defer@dest.test',
    events: {
      'email.delivery_delayed': { delivery_delayed: { reason: '451 4.3.0 Try again later' } },
      'email.failed': { failed: { reason: '451 4.3.0 Try again later' } },
    },
    behindSes: {
      'email.sent': {},
      'email.bounced': {
        bounce: {
          message: 'smtp; 451 4.3.0 Try again later',
          type: 'Transient',
          subType: 'General',
          diagnosticCode: ['smtp; 451 4.3.0 Try again later'],
        },
      },
    },
  },
  {
    to: 'suppressed@resend.dev',
    events: {
      'email.suppressed': {
        suppressed: {
          message: 'The address is on the suppression list',
          type: 'OnAccountSuppressionList',
          reason: 'previous_bounce',
          diagnosticCode: ['The address is on the suppression list'],
        },
      },
    },
  },
]
