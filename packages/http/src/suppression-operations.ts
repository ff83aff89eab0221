import { ORIGINS } from '@kabutar/core/suppressions/suppressions.ts'
import * as z from 'zod'
import { deleted, id, list, named, type Operation, time } from './operation.ts'
import { SuppressAllRequest, SuppressRequest, UnsuppressAllRequest } from './suppressions.ts'

const Listed = z.object({
  id,
  email: z.string(),
  origin: z.enum(ORIGINS),
  source_id: z.string().nullable().describe('The sent email that bounced or that a recipient complained about.'),
  created_at: time,
})

export const SUPPRESSION_OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/suppressions',
    summary: 'Suppress an address',
    request: SuppressRequest,
    status: 201,
    answer: named('suppression'),
  },
  {
    method: 'get',
    path: '/suppressions',
    summary: 'List suppressed addresses, newest first',
    status: 200,
    answer: list(Listed),
    paged: true,
    query: { origin: z.enum(ORIGINS) },
  },
  {
    method: 'get',
    path: '/suppressions/:id',
    summary: 'Read a suppression, by its id or address',
    status: 200,
    answer: Listed.extend(named('suppression').shape),
  },
  {
    method: 'delete',
    path: '/suppressions/:id',
    summary: 'Send to an address again, by the id of the suppression or the address',
    status: 200,
    answer: deleted('suppression'),
  },
  {
    method: 'post',
    path: '/suppressions/batch/add',
    summary: 'Suppress addresses',
    request: SuppressAllRequest,
    status: 201,
    answer: z.object({ data: z.array(named('suppression')) }),
  },
  {
    method: 'post',
    path: '/suppressions/batch/remove',
    summary: 'Send to addresses again; those that are not suppressed are left out of the answer',
    request: UnsuppressAllRequest,
    status: 200,
    answer: z.object({ data: z.array(deleted('suppression')) }),
  },
]
