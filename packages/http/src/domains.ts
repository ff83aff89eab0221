import { type Domain, getDomain, listDomains } from '@kabutar/core/domains/domains.ts'
import type { Table } from '@kabutar/core/ports/table.ts'
import { Hono } from 'hono'
import type { Env } from './env.ts'
import { listOf, uuidOf } from './page.ts'

/** GET /domains and /domains/:id: what the operator gave the account; their ids restrict API keys. */
export function domains(ports: { readonly table: Table }) {
  return new Hono<Env>()
    .get('/', async (c) => c.json(listOf((await listDomains(ports.table, c.get('key').accountId)).map(wireOf), false)))
    .get('/:id', async (c) => {
      const domain = await getDomain(ports.table, c.get('key').accountId, uuidOf(c.req.param('id')))
      return c.json({ object: 'domain', ...wireOf(domain), records: [] })
    })
}

const wireOf = ({ id, name, createdAt }: Domain) => ({
  id,
  name,
  status: 'verified',
  created_at: createdAt.toISOString(),
  region: 'us-east-1',
  capabilities: { sending: 'enabled', receiving: 'enabled' },
})
