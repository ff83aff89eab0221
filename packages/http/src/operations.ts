/** Lists every operation of the API; openapi.ts makes the OpenAPI description of them. */
import * as z from 'zod'
import { ACCOUNT_OPERATIONS } from './account-operations.ts'
import { ACTIVITY_OPERATIONS } from './activity-operations.ts'
import { DEAD_LETTER_OPERATIONS } from './dead-letter-operations.ts'
import { DOMAIN_OPERATIONS } from './domain-operations.ts'
import { EMAIL_OPERATIONS } from './email-operations.ts'
import { HEALTH_REASONS } from './health.ts'
import { MESSAGE_OPERATIONS } from './message-operations.ts'
import type { Operation } from './operation.ts'
import { RECEIVING_OPERATIONS } from './receiving-operations.ts'
import { SESSION_OPERATIONS } from './session-operations.ts'
import { SUPPRESSION_OPERATIONS } from './suppression-operations.ts'
import { WEBHOOK_OPERATIONS } from './webhook-operations.ts'

const SERVER_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/health',
    operationId: 'getHealth',
    tag: 'Server',
    summary: 'Is the service up? 503 with reasons while it can accept nothing',
    status: 200,
    answer: z
      .object({
        status: z.enum(['ok', 'degraded', 'unavailable']),
        reasons: z.array(z.enum(HEALTH_REASONS)).optional(),
      })
      .meta({ id: 'Health' }),
    opens: 'nothing',
  },
  {
    method: 'get',
    path: '/openapi.json',
    operationId: 'getOpenApi',
    tag: 'Server',
    summary: 'Read this description',
    status: 200,
    answer: z.record(z.string(), z.unknown()),
    opens: 'nothing',
  },
]

export const OPERATIONS: readonly Operation[] = [
  ...EMAIL_OPERATIONS,
  ...RECEIVING_OPERATIONS,
  ...DOMAIN_OPERATIONS,
  ...WEBHOOK_OPERATIONS,
  ...SUPPRESSION_OPERATIONS,
  ...ACCOUNT_OPERATIONS,
  ...DEAD_LETTER_OPERATIONS,
  ...MESSAGE_OPERATIONS,
  ...ACTIVITY_OPERATIONS,
  ...SESSION_OPERATIONS,
  ...SERVER_OPERATIONS,
]
