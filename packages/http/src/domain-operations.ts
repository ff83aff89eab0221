import * as z from 'zod'
import { CreateDomainRequest, UpdateDomainRequest } from './domains.ts'
import { deleted, id, list, named, type Operation, time } from './operation.ts'

const onOff = z.enum(['enabled', 'disabled'])
const DomainRecord = z.strictObject({
  record: z.enum(['DKIM', 'SPF', 'Receiving']),
  name: z.string(),
  type: z.enum(['CNAME', 'TXT', 'MX']),
  ttl: z.literal('Auto'),
  status: z.enum(['not_started', 'pending', 'verified', 'failed', 'temporary_failure']),
  value: z.string(),
  priority: z.number().int().optional(),
})
const Listed = z.object({
  id,
  name: z.string(),
  status: z.enum(['not_started', 'pending', 'verified', 'failed', 'temporary_failure']),
  created_at: time,
  region: z.string(),
  capabilities: z.object({ sending: onOff, receiving: onOff }),
})
const records = z.array(DomainRecord)

export const DOMAIN_OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/domains',
    summary: 'Add a domain; the answer has the records to publish',
    request: CreateDomainRequest,
    status: 201,
    answer: Listed.extend({ records }),
  },
  {
    method: 'get',
    path: '/domains',
    summary: 'List domains, newest first',
    status: 200,
    answer: list(Listed),
    paged: true,
  },
  {
    method: 'get',
    path: '/domains/:id',
    summary: 'Read a domain; a pending one is looked at again',
    status: 200,
    answer: Listed.extend({ object: z.literal('domain'), records }),
  },
  {
    method: 'patch',
    path: '/domains/:id',
    summary: 'Change what a domain is used for',
    request: UpdateDomainRequest,
    status: 200,
    answer: named('domain'),
  },
  {
    method: 'delete',
    path: '/domains/:id',
    summary: 'Delete a domain: it neither sends nor receives any more',
    status: 200,
    answer: deleted('domain'),
  },
  {
    method: 'post',
    path: '/domains/:id/verify',
    summary: 'Look for the records now',
    status: 200,
    answer: named('domain'),
  },
]
