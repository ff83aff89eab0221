import * as z from 'zod'
import { CreateDomainRequest, UpdateDomainRequest } from './domains.ts'
import { deleted, id, list, named, type Operation, time } from './operation.ts'

const onOff = z.enum(['enabled', 'disabled'])
const DomainRecord = z
  .object({
    record: z.enum(['DKIM', 'SPF', 'Receiving']),
    name: z.string(),
    type: z.enum(['CNAME', 'TXT', 'MX']),
    ttl: z.literal('Auto'),
    status: z.enum(['not_started', 'pending', 'verified', 'failed', 'temporary_failure']),
    value: z.string(),
    priority: z.int().optional(),
  })
  .meta({ id: 'DomainRecord' })
const RecommendedRecord = z
  .object({
    record: z.literal('DMARC'),
    name: z.string(),
    type: z.literal('TXT'),
    ttl: z.literal('Auto'),
    value: z.string(),
  })
  .meta({ id: 'RecommendedRecord' })
const Listed = z.object({
  id,
  name: z.string(),
  status: z.enum(['not_started', 'pending', 'verified', 'failed', 'partially_failed']),
  created_at: time,
  region: z.string(),
  capabilities: z.object({ sending: onOff, receiving: onOff }),
})
const records = {
  records: z.array(DomainRecord),
  recommended_records: z.array(RecommendedRecord).describe('Advice: they neither prove the domain nor are looked for.'),
}

const DomainId = named('domain').meta({ id: 'DomainId' })

export const DOMAIN_OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/domains',
    operationId: 'createDomain',
    tag: 'Domains',
    summary: 'Add a domain; the answer has the records to publish',
    request: CreateDomainRequest,
    status: 201,
    answer: Listed.extend(records).meta({ id: 'CreatedDomain' }),
    errors: ['resource_locked', 'missing_required_field', 'validation_error'],
  },
  {
    method: 'get',
    path: '/domains',
    operationId: 'listDomains',
    tag: 'Domains',
    summary: 'List domains, newest first',
    status: 200,
    answer: list(Listed.meta({ id: 'DomainSummary' }), 'DomainList'),
    paged: 'both',
  },
  {
    method: 'get',
    path: '/domains/:id',
    operationId: 'getDomain',
    tag: 'Domains',
    summary: 'Read a domain; a pending one is looked at again',
    status: 200,
    answer: Listed.extend({ object: z.literal('domain'), ...records }).meta({ id: 'Domain' }),
  },
  {
    method: 'patch',
    path: '/domains/:id',
    operationId: 'updateDomain',
    tag: 'Domains',
    summary: 'Change what a domain is used for',
    request: UpdateDomainRequest,
    status: 200,
    answer: DomainId,
  },
  {
    method: 'delete',
    path: '/domains/:id',
    operationId: 'deleteDomain',
    tag: 'Domains',
    summary: 'Delete a domain: it neither sends nor receives any more',
    status: 200,
    answer: deleted('domain').meta({ id: 'DeletedDomain' }),
  },
  {
    method: 'post',
    path: '/domains/:id/verify',
    operationId: 'verifyDomain',
    tag: 'Domains',
    summary: 'Look for the records now',
    status: 200,
    answer: DomainId,
  },
]
