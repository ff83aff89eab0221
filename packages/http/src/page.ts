import type { ListOptions } from '@kabutar/core/days.ts'
import { MailError } from '@kabutar/core/errors.ts'
import { isUuid } from '@kabutar/core/ports/ids.ts'
import type { Context } from 'hono'

const DEFAULT_LIMIT = 20
const MAX_LIMIT = 100

/** `limit`, and `after` or `before`. @throws {MailError} `invalid_parameter`, `invalid_message` */
export function pageOf(c: Context): ListOptions {
  const { after, before } = c.req.query()
  if (after !== undefined && before !== undefined) {
    throw new MailError('invalid_message', 'The `after` and `before` parameters cannot be used together.')
  }
  return {
    limit: limitOf(c.req.query('limit')),
    ...(after !== undefined && { after: uuidOf(after, 'after') }),
    ...(before !== undefined && { before: uuidOf(before, 'before') }),
  }
}

export function limitOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIMIT
  const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (limit < 1 || limit > MAX_LIMIT) {
    throw new MailError('invalid_message', `The \`limit\` parameter must be a number from 1 to ${MAX_LIMIT}.`)
  }
  return limit
}

/** @throws {MailError} `invalid_parameter` */
export function uuidOf(text: string, name = 'id'): string {
  const id = text.toLowerCase()
  if (!isUuid(id)) throw new MailError('invalid_parameter', `The \`${name}\` must be a valid UUID.`)
  return id
}

/** The wire's list. */
export const listOf = <T>(data: readonly T[], hasMore: boolean) => ({ object: 'list', has_more: hasMore, data })
