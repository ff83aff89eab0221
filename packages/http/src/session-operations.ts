import * as z from 'zod'
import type { Operation } from './operation.ts'

const Session = z
  .object({
    object: z.literal('session'),
    mode: z.enum(['loopback', 'key']),
    account_id: z.string(),
    permission: z.enum(['full_access', 'sending_access']),
    domain: z.string().nullable().describe('The only domain that the key sends from.'),
    operator: z.boolean().describe('Operations of the operator take this session.'),
    platform: z.enum(['embedded', 'aws']),
    relay: z.enum(['capture', 'smtp', 'ses']),
    version: z.string(),
    smtp: z.string().nullable().describe('`host:port` of the listener for inbound mail.'),
    api_url: z.string(),
    stream: z.boolean().describe('GET /stream is there.'),
    sample: z
      .object({ from: z.string(), to: z.string() })
      .nullable()
      .describe(
        'Addresses for a first message; null without a verified domain. A key of `sending_access` sees its own domain alone.',
      ),
  })
  .meta({ id: 'Session' })

/** Operations by which the console signs in and learns where it is. */
export const SESSION_OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/session',
    operationId: 'openSession',
    tag: 'Console',
    summary: 'Sign in without a key, on the machine of a server that captures mail and listens on loopback only',
    status: 201,
    answer: Session,
    opens: 'nothing',
    errors: ['invalid_access'],
  },
  {
    method: 'get',
    path: '/session',
    operationId: 'getSession',
    tag: 'Console',
    summary: 'Read what the key or the session may do, and facts about the server',
    status: 200,
    answer: Session,
  },
  {
    method: 'delete',
    path: '/session',
    operationId: 'closeSession',
    tag: 'Console',
    summary: 'Sign out of a session',
    status: 200,
    answer: z.object({ object: z.literal('session'), deleted: z.literal(true) }).meta({ id: 'DeletedSession' }),
  },
]
