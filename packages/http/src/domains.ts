import { DEFAULT_REGION, type DomainsPorts } from '@kabutar/core/domains/change.ts'
import { createDomain } from '@kabutar/core/domains/create.ts'
import { type Capabilities, type Domain, neededRecords } from '@kabutar/core/domains/domain.ts'
import { listDomains } from '@kabutar/core/domains/domains.ts'
import { removeDomain } from '@kabutar/core/domains/remove.ts'
import { updateDomain } from '@kabutar/core/domains/update.ts'
import { readDomain, verifyDomain } from '@kabutar/core/domains/verify.ts'
import { loggedPage } from '@kabutar/core/store/pages.ts'
import { Hono } from 'hono'
import * as z from 'zod'
import { jsonBody } from './body.ts'
import { accountOf, type Env, idOf } from './env.ts'
import { notYet } from './fields.ts'
import { listOf, pageOf } from './page.ts'

const onOff = z.enum(['enabled', 'disabled'])
/** Accepts fields of the wire only with the value that Kabutar implements: no tracking, and opportunistic TLS. */
const settable = {
  capabilities: z.object({ sending: onOff.optional(), receiving: onOff.optional() }).optional(),
  open_tracking: z.literal(false, 'tracking is not in this version').optional(),
  click_tracking: z.literal(false, 'tracking is not in this version').optional(),
  tls: z.literal('opportunistic', 'only opportunistic is in this version').optional(),
  tracking_subdomain: notYet,
}
export const CreateDomainRequest = z
  .object({
    name: z.string().min(1, 'must not be empty').max(255, 'must be at most 255 characters'),
    region: z.string().max(32).optional(),
    custom_return_path: z.string().max(63).optional(),
    connect: z
      .boolean()
      .meta({
        description: 'Of Kabutar alone: uses the identity that exists at SES, and changes nothing of it but tags.',
      })
      .optional(),
    ...settable,
  })
  .meta({ id: 'CreateDomain' })
export const UpdateDomainRequest = z.object(settable).meta({ id: 'UpdateDomain' })

/** POST and GET /domains; GET, PATCH and DELETE /domains/:id; POST /domains/:id/verify. */
export function domains(ports: DomainsPorts) {
  return new Hono<Env>()
    .post('/', async (c) => {
      const { name, region, custom_return_path, capabilities, connect } = await jsonBody(c, CreateDomainRequest)
      const domain = await createDomain(ports, accountOf(c), {
        name,
        ...(region !== undefined && { region }),
        ...(custom_return_path !== undefined && { returnPath: custom_return_path }),
        capabilities: capabilitiesOf(capabilities),
        ...(connect && { connect }),
      })
      return c.json({ ...wireOf(domain), ...recordsOf(domain) }, 201)
    })
    .get('/', async (c) => {
      const { items, hasMore } = loggedPage(ports, await listDomains(ports.table, accountOf(c), pageOf(c)))
      return c.json(listOf(items.map(wireOf), hasMore))
    })
    .get('/:id', async (c) => {
      const domain = await readDomain(ports, accountOf(c), idOf(c))
      return c.json({ object: 'domain', ...wireOf(domain), ...recordsOf(domain) })
    })
    .patch('/:id', async (c) => {
      const id = idOf(c)
      const { capabilities } = await jsonBody(c, UpdateDomainRequest)
      await updateDomain(ports, accountOf(c), id, capabilitiesOf(capabilities))
      return c.json({ object: 'domain', id })
    })
    .delete('/:id', async (c) => {
      const id = idOf(c)
      await removeDomain(ports, accountOf(c), id)
      return c.json({ object: 'domain', id, deleted: true })
    })
    .post('/:id/verify', async (c) => {
      const { id } = await verifyDomain(ports, accountOf(c), idOf(c))
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

const TTL = 'Auto'

/** `recommended_records` is ours: records that neither prove the domain nor are looked for. */
function recordsOf(domain: Domain) {
  const records = neededRecords(domain).map((record) => ({ ...record, ttl: TTL }))
  // Large receivers want a DMARC policy (RFC 7489) of every domain that sends.
  const dmarc = { record: 'DMARC', type: 'TXT', name: `_dmarc.${domain.name}`, value: 'v=DMARC1; p=none;', ttl: TTL }
  return { records, recommended_records: records.length > 0 && domain.capabilities.sending ? [dmarc] : [] }
}
