/** The page of suppressed addresses. */
export const suppressions = {
  'suppressions.title': 'Suppressions',
  'suppressions.lead':
    'Mail to these addresses is not sent. An address joins the list when it bounces for good or complains; a test address never does.',
  'suppressions.none': 'No address is suppressed',
  'suppressions.none-lead': 'Nothing to do. You can add addresses that must never get mail.',
  'suppressions.add': 'Add addresses',
  'suppressions.addresses': 'Addresses',
  'suppressions.addresses-hint': 'Up to 100, on lines of their own or with commas between them.',
  'suppressions.added': { one: '{count} address is suppressed', other: '{count} addresses are suppressed' },
  'suppressions.search': 'Look up an address',
  'suppressions.look-up': 'Look up',
  'suppressions.show-all': 'Show all',
  'suppressions.not-found': '{address} is not suppressed',
  'suppressions.address': 'Address',
  'suppressions.reason': 'Reason',
  'suppressions.any-reason': 'Any reason',
  'suppressions.origin.bounce': 'Bounce',
  'suppressions.origin.complaint': 'Complaint',
  'suppressions.origin.manual': 'Added by hand',
  'suppressions.source': 'Message',
  'suppressions.open-message': 'Open the message',
  'suppressions.remove': 'Remove',
  'suppressions.remove-ask.bounce':
    'A message to {address} bounced for good. If you remove it, mail is sent to it again.',
  'suppressions.remove-ask.complaint':
    'The reader of {address} reported a message as spam. If you remove it, mail is sent to it again.',
  'suppressions.remove-ask.manual': 'If you remove {address}, mail is sent to it again.',
  'suppressions.removed': '{address} is removed; mail is sent to it again',
} as const
