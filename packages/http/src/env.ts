import type { ApiKey } from '@kabutar/core/accounts/keys.ts'
import type { Context } from 'hono'
import { uuidOf } from './page.ts'

/** Variables of a request's context: the key that it was authenticated with. */
export type Env = { Variables: { key: ApiKey } }

export const accountOf = (c: Context<Env>): string => c.get('key').accountId

/** @throws {MailError} `invalid_parameter` if `:id` is not a UUID */
export const idOf = (c: Context<Env>): string => uuidOf(c.req.param('id') ?? '')
