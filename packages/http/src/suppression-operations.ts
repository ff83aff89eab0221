import { ORIGINS } from '@kabutar/core/suppressions/suppressions.ts'
import * as z from 'zod'
import { address, deleted, id, list, named, type Operation, time } from './operation.ts'
import { SuppressAllRequest, SuppressRequest, UnsuppressAllRequest } from './suppressions.ts'

const Listed = z.object({
  id,
  email: z.string(),
  origin: z.enum(ORIGINS),
  source_id: z.string().nullable().describe('The sent email that bounced or that a recipient complained about.'),
  created_at: time,
})

const Named = named('suppression')
const byIdOrAddress = { id: z.union([id, address]) }

export const SUPPRESSION_OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/suppressions',
    operationId: 'createSuppression',
    tag: 'Suppressions',
    summary: 'Suppress an address',
    request: SuppressRequest,
    status: 201,
    answer: Named.meta({ id: 'SuppressionId' }),
  },
  {
    method: 'get',
    path: '/suppressions',
    operationId: 'listSuppressions',
    tag: 'Suppressions',
    summary: 'List suppressed addresses, newest first',
    status: 200,
    answer: list(Listed.meta({ id: 'ListedSuppression' }), 'SuppressionList'),
    paged: 'both',
    query: { origin: z.enum(ORIGINS) },
  },
  {
    method: 'get',
    path: '/suppressions/:id',
    operationId: 'getSuppression',
    tag: 'Suppressions',
    summary: 'Read a suppression, by its id or address',
    status: 200,
    answer: Listed.extend(Named.shape).meta({ id: 'Suppression' }),
    params: byIdOrAddress,
  },
  {
    method: 'delete',
    path: '/suppressions/:id',
    operationId: 'deleteSuppression',
    tag: 'Suppressions',
    summary: 'Send to an address again, by the id of the suppression or the address',
    status: 200,
    answer: deleted('suppression').meta({ id: 'DeletedSuppression' }),
    params: byIdOrAddress,
  },
  {
    method: 'post',
    path: '/suppressions/batch/add',
    operationId: 'createSuppressions',
    tag: 'Suppressions',
    summary: 'Suppress addresses',
    request: SuppressAllRequest,
    status: 201,
    answer: z.object({ data: z.array(named('suppression')) }).meta({ id: 'SuppressionIds' }),
  },
  {
    method: 'post',
    path: '/suppressions/batch/remove',
    operationId: 'deleteSuppressions',
    tag: 'Suppressions',
    summary: 'Send to addresses again; those that are not suppressed are left out of the answer',
    request: UnsuppressAllRequest,
    status: 200,
    answer: z.object({ data: z.array(deleted('suppression')) }).meta({ id: 'DeletedSuppressions' }),
  },
]
