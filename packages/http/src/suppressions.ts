import { MailError } from '@kabutar/core/errors.ts'
import { isUuid } from '@kabutar/core/ports/ids.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import { loggedPage } from '@kabutar/core/store/pages.ts'
import {
  getSuppression,
  listSuppressions,
  ORIGINS,
  type Origin,
  removeSuppression,
  type Suppression,
  type SuppressionPorts,
  suppress,
} from '@kabutar/core/suppressions/suppressions.ts'
import { parseAddress } from '@kabutar/mail/address.ts'
import { MalformedError } from '@kabutar/mail/malformed.ts'
import { type Context, Hono } from 'hono'
import * as z from 'zod'
import { jsonBody } from './body.ts'
import { accountOf, type Env } from './env.ts'
import { listOf, pageOf, uuidOf } from './page.ts'

const MAX_BATCH = 100
const email = z.string().min(1).max(384).meta({ format: 'email' })
const emails = z.array(email).min(1).max(MAX_BATCH, `must be at most ${MAX_BATCH}`)
const ids = z
  .array(z.string().meta({ format: 'uuid' }))
  .min(1)
  .max(MAX_BATCH, `must be at most ${MAX_BATCH}`)
export const SuppressRequest = z.object({ email }).meta({ id: 'CreateSuppression' })
export const SuppressAllRequest = z.object({ emails }).meta({ id: 'CreateSuppressions' })
export const UnsuppressAllRequest = z
  .union([z.object({ emails }), z.object({ ids })], {
    error: 'must have `emails` or `ids`, up to 100',
  })
  .meta({ id: 'DeleteSuppressions' })

/** POST and GET /suppressions; GET and DELETE /:id, by id or address; POST /batch/add and /batch/remove. */
export function suppressions(ports: SuppressionPorts & { readonly log: Log }) {
  return new Hono<Env>()
    .post('/', async (c) => c.json(await add(ports, c, (await jsonBody(c, SuppressRequest)).email), 201))
    .get('/', async (c) => {
      const origin = originOf(c.req.query('origin'))
      const options = { ...pageOf(c), ...(origin !== undefined && { origin }) }
      const { items, hasMore } = loggedPage(ports, await listSuppressions(ports.table, accountOf(c), options))
      return c.json(listOf(items.map(listed), hasMore))
    })
    .get('/:id', async (c) => {
      const found = await getSuppression(ports.table, accountOf(c), keyOf(c.req.param('id')))
      return c.json({ object: 'suppression', ...listed(found) })
    })
    .delete('/:id', async (c) => {
      const { id } = await removeSuppression(ports.table, accountOf(c), keyOf(c.req.param('id')))
      return c.json({ object: 'suppression', id, deleted: true })
    })
    .post('/batch/add', async (c) => {
      const { emails } = await jsonBody(c, SuppressAllRequest)
      // All are checked before the first is written.
      const addresses = emails.map(addressAt)
      const data = []
      for (const address of addresses) data.push(await add(ports, c, address))
      return c.json({ data }, 201)
    })
    .post('/batch/remove', async (c) => {
      const wanted = await jsonBody(c, UnsuppressAllRequest)
      const keys = 'emails' in wanted ? wanted.emails.map(addressAt) : wanted.ids.map((id) => uuidOf(id, 'ids'))
      const data = []
      for (const key of keys) data.push(...(await removed(ports, c, key)))
      return c.json({ data })
    })
}

async function add(ports: SuppressionPorts, c: Context<Env>, email: string) {
  const { id } = await suppress(ports, accountOf(c), { address: addressOf(email), origin: 'manual' })
  return { object: 'suppression', id }
}

/** Returns an empty list if the address is not suppressed. */
async function removed(ports: SuppressionPorts, c: Context<Env>, key: string) {
  try {
    const { id } = await removeSuppression(ports.table, accountOf(c), key)
    return [{ object: 'suppression', id, deleted: true }]
  } catch (error) {
    if (error instanceof MailError && error.code === 'not_found') return []
    throw error
  }
}

/** One of several addresses, which the error names. */
function addressAt(text: string, at: number): string {
  return addressOf(text, `Invalid \`emails.${at}\` field (${JSON.stringify(text.slice(0, 100))}).`)
}

function addressOf(text: string, error = 'Invalid `email` field.'): string {
  try {
    return parseAddress(text)
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause
    throw new MailError('invalid_message', `${error} The address must follow the \`email@example.com\` format.`)
  }
}

function keyOf(idOrAddress: string): string {
  const id = idOrAddress.toLowerCase()
  return isUuid(id) ? id : addressOf(idOrAddress)
}

function originOf(text: string | undefined): Origin | undefined {
  const origin = ORIGINS.find((one) => one === text)
  if (text !== undefined && origin === undefined) {
    throw new MailError('invalid_message', `The \`origin\` parameter must be one of ${ORIGINS.join(', ')}.`)
  }
  return origin
}

function listed({ id, address, origin, sourceId, createdAt }: Suppression) {
  return { id, email: address, origin, source_id: sourceId ?? null, created_at: createdAt.toISOString() }
}
