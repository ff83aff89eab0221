import type { ApiKey } from '@kabutar/core/accounts/keys.ts'
import { listDomains } from '@kabutar/core/domains/domains.ts'
import type { Changes } from '@kabutar/core/messages/activity.ts'
import type { Table } from '@kabutar/core/ports/table.ts'
import { Hono } from 'hono'
import type { Env } from './env.ts'
import type { Sessions } from './sessions.ts'

/** Tells a client about the server that it is signed in to. */
export type ServerFacts = {
  readonly platform: 'embedded' | 'aws'
  readonly relay: 'capture' | 'smtp' | 'ses'
  /** `host:port` of the listener for inbound mail. */
  readonly smtp?: string | undefined
  /** The base URL of the API, for SDKs; without it the URL of the request counts. */
  readonly apiUrl?: string | undefined
}
type SessionPorts = { readonly table: Table; readonly changes: Changes }

export const VERSION = '0.1.0'
const DOMAINS_LOOKED_AT = 100

/** POST /session, which signs in without a key where that is allowed. */
export function openSession(ports: SessionPorts, sessions: Sessions, facts: ServerFacts) {
  return new Hono<Env>().post('/', async (c) => {
    const key = sessions.open(c)
    return c.json(await shown(ports, facts, { key, url: c.req.url, isOpened: true }), 201)
  })
}

/** GET and DELETE /session, for whoever is signed in with a key or a session. */
export function session(ports: SessionPorts, sessions: Sessions, facts: ServerFacts) {
  return new Hono<Env>()
    .get('/', async (c) => {
      const isOpened = c.get('isSession') === true
      return c.json(await shown(ports, facts, { key: c.get('key'), url: c.req.url, isOpened }))
    })
    .delete('/', (c) => {
      sessions.end(c)
      return c.json({ object: 'session', deleted: true })
    })
}

async function shown(
  { table, changes }: SessionPorts,
  { platform, relay, smtp, apiUrl }: ServerFacts,
  { key, url, isOpened }: { readonly key: ApiKey; readonly url: string; readonly isOpened: boolean },
) {
  // A key that only sends reads nothing of the account: it knows its own domain alone.
  const mayRead = key.permission === 'full_access'
  const domain = mayRead ? await firstDomain(table, key.accountId) : key.domain
  return {
    object: 'session',
    mode: isOpened ? 'loopback' : 'key',
    account_id: key.accountId,
    permission: key.permission,
    domain: key.domain ?? null,
    operator: isOpened,
    platform,
    relay,
    version: VERSION,
    smtp: smtp ?? null,
    api_url: apiUrl ?? new URL(url).origin,
    stream: changes.wait !== undefined,
    sample: domain === undefined ? null : { from: `hello@${domain}`, to: `inbox@${domain}` },
  }
}

/** A verified domain that sends, one that receives too before others. */
async function firstDomain(table: Table, accountId: string): Promise<string | undefined> {
  const { items } = await listDomains(table, accountId, { limit: DOMAINS_LOOKED_AT })
  const usable = items.filter(({ status, capabilities }) => status === 'verified' && capabilities.sending)
  return (usable.find(({ capabilities }) => capabilities.receiving) ?? usable[0])?.name
}
