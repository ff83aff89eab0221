/** Uzbek in Latin script. `oʻ` and `gʻ` have U+02BB, and the tutuq belgisi is U+02BC. */
import type { Catalogue } from './catalogue.ts'
import { domains } from './uz/domains.ts'
import { keys } from './uz/keys.ts'
import { messages } from './uz/messages.ts'
import { operations } from './uz/operations.ts'
import { shell } from './uz/shell.ts'
import { suppressions } from './uz/suppressions.ts'
import { webhooks } from './uz/webhooks.ts'

export const uz: Catalogue = {
  ...shell,
  ...messages,
  ...domains,
  ...keys,
  ...webhooks,
  ...suppressions,
  ...operations,
}
