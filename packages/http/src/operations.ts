/** Lists every operation of the API; openapi.ts makes the OpenAPI description of them. */
import * as z from 'zod'
import { ACCOUNT_OPERATIONS } from './account-operations.ts'
import { DOMAIN_OPERATIONS } from './domain-operations.ts'
import { EMAIL_OPERATIONS } from './email-operations.ts'
import type { Operation } from './operation.ts'
import { RECEIVING_OPERATIONS } from './receiving-operations.ts'
import { SUPPRESSION_OPERATIONS } from './suppression-operations.ts'
import { WEBHOOK_OPERATIONS } from './webhook-operations.ts'

export const OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/health',
    summary: 'Is the service up?',
    status: 200,
    answer: z.object({ status: z.literal('ok') }),
    key: false,
  },
  ...EMAIL_OPERATIONS,
  ...ACCOUNT_OPERATIONS,
  ...DOMAIN_OPERATIONS,
  ...RECEIVING_OPERATIONS,
  ...SUPPRESSION_OPERATIONS,
  ...WEBHOOK_OPERATIONS,
]
