import {
  type AuthenticatePorts,
  createKey,
  deleteKey,
  type KeyDescription,
  type KeyPorts,
  listKeys,
  MAX_KEYS,
  renameKey,
} from '@kabutar/core/accounts/keys.ts'
import { getDomain } from '@kabutar/core/domains/domains.ts'
import { MailError } from '@kabutar/core/errors.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import { loggedPage } from '@kabutar/core/store/pages.ts'
import { Hono } from 'hono'
import * as z from 'zod'
import { jsonBody } from './body.ts'
import { accountOf, type Env, idOf } from './env.ts'
import { allOrPage, listOf, uuidOf } from './page.ts'

const name = z.string().min(1, 'must not be empty').max(50, 'must be at most 50 characters')
export const CreateKeyRequest = z
  .object({
    name,
    permission: z.enum(['full_access', 'sending_access']).optional(),
    domain_id: z.string().meta({ format: 'uuid' }).optional(),
  })
  .meta({ id: 'CreateApiKey' })
export const RenameKeyRequest = z.object({ name }).meta({ id: 'RenameApiKey' })

export const onlyToSend = (field: string) =>
  new MailError('invalid_message', `A \`${field}\` goes with the permission \`sending_access\` only.`)

/** A key as lists show it; its token is in none. `permission` and `domain_id` are ours. */
export const listedKey = ({ id, name, createdAt, lastUsedAt, permission, domainId }: KeyDescription) => ({
  id,
  name,
  created_at: createdAt.toISOString(),
  last_used_at: lastUsedAt?.toISOString() ?? null,
  permission,
  domain_id: domainId ?? null,
})

/** POST and GET /api-keys, PATCH and DELETE /api-keys/:id. Only the answer to POST has the token. */
export function apiKeys(ports: KeyPorts & AuthenticatePorts & { readonly log: Log }) {
  return new Hono<Env>()
    .post('/', async (c) => {
      const { name, permission = 'full_access', domain_id } = await jsonBody(c, CreateKeyRequest)
      if (domain_id !== undefined && permission !== 'sending_access') throw onlyToSend('domain_id')
      const domain = domain_id && (await getDomain(ports.table, accountOf(c), uuidOf(domain_id, 'domain_id')))
      return c.json(await createKey(ports, accountOf(c), { name, permission, ...(domain && { domain }) }), 201)
    })
    .get('/', async (c) => {
      const { items, hasMore } = loggedPage(ports, await listKeys(ports.table, accountOf(c), allOrPage(c, MAX_KEYS)))
      return c.json(listOf(items.map(listedKey), hasMore))
    })
    .patch('/:id', async (c) => {
      const id = idOf(c)
      const { name } = await jsonBody(c, RenameKeyRequest)
      await renameKey(ports.table, accountOf(c), id, name)
      return c.json({ object: 'api_key', id })
    })
    .delete('/:id', async (c) => {
      const id = idOf(c)
      await deleteKey(ports, accountOf(c), id)
      return c.json({ object: 'api_key', id, deleted: true })
    })
}
