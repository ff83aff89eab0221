import { MailError } from '@kabutar/core/errors.ts'
import { isUuid } from '@kabutar/core/ports/ids.ts'
import type { PageOptions } from '@kabutar/core/store/pages.ts'
import type { Context } from 'hono'
import { MAX_ANSWER_BYTES, within } from './answer.ts'

const DEFAULT_LIMIT = 20
const MAX_LIMIT = 100

/** Reads `limit`, and `after` or `before`. @throws {MailError} `invalid_parameter`, `invalid_message` */
export function pageOf(c: Context): PageOptions {
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

/** Reads the page; without `limit` it holds the whole list, which has at most `all`. */
export function allOrPage(c: Context, all: number): PageOptions {
  return c.req.query('limit') === undefined ? { ...pageOf(c), limit: all } : pageOf(c)
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

const LIST_BYTES = 100

/** Makes the wire's list of one page and cuts it to what fits an answer: then `has_more` is true. */
export function pageWithin<T>(c: Context, data: readonly T[], hasMore: boolean) {
  const backwards = c.req.query('before') !== undefined
  const nearest = backwards ? data.toReversed() : data
  const kept = within(nearest, MAX_ANSWER_BYTES - LIST_BYTES)
  return listOf(backwards ? kept.toReversed() : kept, hasMore || kept.length < data.length)
}

export const listOf = <T>(data: readonly T[], hasMore: boolean) => ({ object: 'list', has_more: hasMore, data })
