import type { ApiKey } from '@kabutar/core/accounts/keys.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Compute } from '@kabutar/core/ports/compute.ts'
import type { Context } from 'hono'
import { uuidOf } from './page.ts'

export type Env = {
  Variables: {
    clock: Clock
    compute: Compute
    /** The key that the request was authenticated with. */
    key: ApiKey
    /** True if it was a session of the console, and no key. */
    isSession: boolean
    /** The fields and query parameters that nobody looked at; they are named in the answer. */
    ignored: string[]
  }
}

export const accountOf = (c: Context<Env>): string => c.get('key').accountId

/** @throws {MailError} `invalid_parameter` if `:id` is not a UUID */
export const idOf = (c: Context<Env>): string => uuidOf(c.req.param('id') ?? '')
