/** English, from which the other catalogues take their keys. Each page has a file in `en/`. */
import { domains } from './en/domains.ts'
import { keys } from './en/keys.ts'
import { messages } from './en/messages.ts'
import { operations } from './en/operations.ts'
import { shell } from './en/shell.ts'
import { suppressions } from './en/suppressions.ts'
import { webhooks } from './en/webhooks.ts'

export const en = {
  ...shell,
  ...messages,
  ...domains,
  ...keys,
  ...webhooks,
  ...suppressions,
  ...operations,
} as const
