import { type Account, createAccount, getAccount, listAccounts } from '@kabutar/core/accounts/accounts.ts'
import { createKey, deleteKey, listKeys, MAX_KEYS } from '@kabutar/core/accounts/keys.ts'
import { resumeAccount } from '@kabutar/core/accounts/reputation.ts'
import { MAX_DAYS, MIN_EVENT_DAYS, setRetention } from '@kabutar/core/accounts/retention.ts'
import {
  claimDomain,
  type DomainPorts,
  domainNamed,
  domainOwner,
  validDomainName,
} from '@kabutar/core/domains/domains.ts'
import { MailError } from '@kabutar/core/errors.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import type { Caches } from '@kabutar/core/store/cache.ts'
import { loggedPage } from '@kabutar/core/store/pages.ts'
import { Hono } from 'hono'
import * as z from 'zod'
import { CreateKeyRequest, listedKey, onlyToSend } from './api-keys.ts'
import { type OperatorAccess, operatorRequired } from './auth.ts'
import { jsonBody } from './body.ts'
import type { Env } from './env.ts'
import { listOf } from './page.ts'

export const CreateAccountKeyRequest = CreateKeyRequest.omit({ domain_id: true })
  .extend({ domain: z.string().describe('The name of a verified domain, with `sending_access`.').optional() })
  .meta({ id: 'CreateAccountApiKey' })
export const CreateAccountRequest = z
  .object({
    name: z.string().min(1, 'must not be empty').max(50, 'must be at most 50 characters'),
    /** Taken as verified on the operator's word. */
    domains: z.array(z.string()).max(100, 'must be at most 100').optional(),
  })
  .meta({ id: 'CreateAccount' })

const days = z.union([z.int().min(0).max(MAX_DAYS), z.literal('default')]).optional()
export const ChangeAccountRequest = z
  .object({
    content_days: days.describe('Days that content is kept; 0 is for ever, `default` as the server has it.'),
    event_days: days.describe(`Likewise of events, at least ${MIN_EVENT_DAYS}.`),
  })
  .meta({ id: 'ChangeAccount' })

type AccountsPorts = DomainPorts & { readonly caches: Caches; readonly log: Log }

/**
 * Accounts and their keys: POST and GET /accounts, PATCH /accounts/:id, POST /accounts/:id/resume, POST and GET /accounts/:id/keys, DELETE
 * /accounts/:id/keys/:key. All of them are for the operator.
 */
export function accounts(ports: AccountsPorts, operator: OperatorAccess) {
  const app = new Hono<Env>().use(operatorRequired(operator)).post('/', async (c) => {
    const { name, domains = [] } = await jsonBody(c, CreateAccountRequest)
    const names = domains.map(validDomainName)
    for (const domain of names) {
      if ((await domainOwner(ports.table, domain)) !== undefined) {
        throw new MailError('conflict', `The domain ${domain} belongs to another account.`)
      }
    }
    const account = await createAccount(ports, name)
    for (const domain of names) await claimDomain(ports, account.id, domain)
    const { token } = await createKey(ports, account.id, { name: 'First key', permission: 'full_access' })
    return c.json({ object: 'account', id: account.id, name, token }, 201)
  })
  app.get('/', async (c) => {
    const data = loggedPage(ports, await listAccounts(ports.table)).items.map(shownAccount)
    return c.json(listOf(data, false))
  })
  app.patch('/:id', async (c) => {
    const { content_days: contentDays, event_days: eventDays } = await jsonBody(c, ChangeAccountRequest)
    const change = { contentDays: ownDays(contentDays), eventDays: ownDays(eventDays) }
    await setRetention(ports.table, c.req.param('id'), change)
    return c.json({ object: 'account', ...shownAccount(await getAccount(ports.table, c.req.param('id'))) })
  })
  app.route('/', accountKeys(ports))
  return app.post('/:id/resume', async (c) => {
    const id = c.req.param('id')
    if (!(await resumeAccount(ports, id))) throw new MailError('not_found', 'No such account is paused')
    return c.json({ object: 'account', id })
  })
}

const ownDays = (days: number | 'default' | undefined) => (days === 'default' ? null : days)

/** An account as the operator sees it; days are absent where they are the server's. */
function shownAccount({ id, name, createdAt, retention: { contentDays, eventDays } }: Account) {
  return {
    id,
    name,
    created_at: createdAt.toISOString(),
    ...(contentDays !== undefined && { content_days: contentDays }),
    ...(eventDays !== undefined && { event_days: eventDays }),
  }
}

function accountKeys(ports: AccountsPorts) {
  return new Hono<Env>()
    .get('/:id/keys', async (c) => {
      const { id } = await getAccount(ports.table, c.req.param('id'))
      const { items, hasMore } = loggedPage(ports, await listKeys(ports.table, id, { limit: MAX_KEYS }))
      return c.json(listOf(items.map(listedKey), hasMore))
    })
    .post('/:id/keys', async (c) => {
      const { name, permission = 'full_access', domain: named } = await jsonBody(c, CreateAccountKeyRequest)
      if (named !== undefined && permission !== 'sending_access') throw onlyToSend('domain')
      const { id } = await getAccount(ports.table, c.req.param('id'))
      const domain = named && (await domainNamed(ports.table, id, validDomainName(named)))
      return c.json(await createKey(ports, id, { name, permission, ...(domain && { domain }) }), 201)
    })
    .delete('/:id/keys/:key', async (c) => {
      const id = c.req.param('key')
      await deleteKey(ports, c.req.param('id'), id)
      return c.json({ object: 'api_key', id, deleted: true })
    })
}
