import type { ApiKey } from '@kabutar/core/accounts/keys.ts'

/** What a request carries for its routes: the key it was authenticated with. */
export type Env = { Variables: { key: ApiKey } }
