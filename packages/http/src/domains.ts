import { DEFAULT_REGION, type DomainsPorts } from '@kabutar/core/domains/change.ts'
import { createDomain } from '@kabutar/core/domains/create.ts'
import { type Capabilities, type Domain, neededRecords } from '@kabutar/core/domains/domain.ts'
import { listDomains } from '@kabutar/core/domains/domains.ts'
import { removeDomain } from '@kabutar/core/domains/remove.ts'
import { updateDomain } from '@kabutar/core/domains/update.ts'
import { readDomain, verifyDomain } from '@kabutar/core/domains/verify.ts'
import { Hono } from 'hono'
import * as z from 'zod/mini'
import { jsonBody } from './body.ts'
import type { Env } from './env.ts'
import { listOf, pageOf, uuidOf } from './page.ts'

const onOff = z.enum(['enabled', 'disabled'])
/** What we can't do is not taken with another value: mail is neither tracked nor kept back for want of TLS. */
const settable = {
  capabilities: z.optional(z.strictObject({ sending: z.optional(onOff), receiving: z.optional(onOff) })),
  open_tracking: z.optional(z.literal(false, 'tracking is not in this version')),
  click_tracking: z.optional(z.literal(false, 'tracking is not in this version')),
  tls: z.optional(z.literal('opportunistic', 'only opportunistic is in this version')),
}
export const CreateDomainRequest = z.strictObject({
  name: z.string().check(z.minLength(1, 'must not be empty'), z.maxLength(255, 'must be at most 255 characters')),
  region: z.optional(z.string().check(z.maxLength(32))),
  custom_return_path: z.optional(z.string().check(z.maxLength(63))),
  ...settable,
})
export const UpdateDomainRequest = z.strictObject(settable)

/** /domains; POST /domains answers 201. Their ids restrict API keys. */
export function domains(ports: DomainsPorts) {
  return new Hono<Env>()
    .post('/', async (c) => {
      const { name, region, custom_return_path, capabilities } = await jsonBody(c, CreateDomainRequest)
      const domain = await createDomain(ports, c.get('key').accountId, {
        name,
        ...(region !== undefined && { region }),
        ...(custom_return_path !== undefined && { returnPath: custom_return_path }),
        capabilities: capabilitiesOf(capabilities),
      })
      return c.json({ ...wireOf(domain), records: recordsOf(domain) }, 201)
    })
    .get('/', async (c) => {
      const { items, hasMore } = await listDomains(ports.table, c.get('key').accountId, pageOf(c))
      return c.json(listOf(items.map(wireOf), hasMore))
    })
    .get('/:id', async (c) => {
      const domain = await readDomain(ports, c.get('key').accountId, uuidOf(c.req.param('id')))
      return c.json({ object: 'domain', ...wireOf(domain), records: recordsOf(domain) })
    })
    .patch('/:id', async (c) => {
      const id = uuidOf(c.req.param('id'))
      const { capabilities } = await jsonBody(c, UpdateDomainRequest)
      await updateDomain(ports, c.get('key').accountId, id, capabilitiesOf(capabilities))
      return c.json({ object: 'domain', id })
    })
    .delete('/:id', async (c) => {
      const id = uuidOf(c.req.param('id'))
      await removeDomain(ports, c.get('key').accountId, id)
      return c.json({ object: 'domain', id, deleted: true })
    })
    .post('/:id/verify', async (c) => {
      const { id } = await verifyDomain(ports, c.get('key').accountId, uuidOf(c.req.param('id')))
      return c.json({ object: 'domain', id })
    })
}

type OnOff = z.infer<typeof onOff>

function capabilitiesOf(wire: { sending?: OnOff | undefined; receiving?: OnOff | undefined } = {}) {
  const { sending, receiving } = wire
  const capabilities: Partial<Capabilities> = {
    ...(sending && { sending: sending === 'enabled' }),
    ...(receiving && { receiving: receiving === 'enabled' }),
  }
  return capabilities
}

const wordOf = (on: boolean): OnOff => (on ? 'enabled' : 'disabled')

const wireOf = ({ id, name, status, createdAt, region = DEFAULT_REGION, capabilities }: Domain) => ({
  id,
  name,
  status,
  created_at: createdAt.toISOString(),
  region,
  capabilities: { sending: wordOf(capabilities.sending), receiving: wordOf(capabilities.receiving) },
})

const recordsOf = (domain: Domain) => neededRecords(domain).map((record) => ({ ...record, ttl: 'Auto' }))
