/** The page of messages. */
export const messages = {
  'messages.title': 'Messages',
  'messages.arrived': { one: '{count} new message', other: '{count} new messages' },
} as const
