import * as z from 'zod'
import { CreateAccountRequest } from './accounts.ts'
import { CreateKeyRequest, RenameKeyRequest } from './api-keys.ts'
import { deleted, id, list, named, type Operation, time } from './operation.ts'

const ListedKey = z.object({ id, name: z.string(), created_at: time, last_used_at: time.nullable() })

/** Operations on accounts, for the operator, and on API keys. */
export const ACCOUNT_OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/accounts',
    summary: 'Make an account (operator)',
    request: CreateAccountRequest,
    status: 201,
    answer: z.object({ object: z.literal('account'), id, name: z.string(), token: z.string() }),
  },
  {
    method: 'post',
    path: '/accounts/:id/resume',
    summary: 'Let an account send again that paused itself (operator)',
    status: 200,
    answer: z.object({ object: z.literal('account'), id: z.string() }),
  },
  {
    method: 'post',
    path: '/api-keys',
    summary: 'Make an API key',
    request: CreateKeyRequest,
    status: 201,
    answer: z.object({ id, token: z.string() }),
  },
  { method: 'get', path: '/api-keys', summary: 'List API keys', status: 200, answer: list(ListedKey) },
  {
    method: 'patch',
    path: '/api-keys/:id',
    summary: 'Rename an API key',
    request: RenameKeyRequest,
    status: 200,
    answer: named('api_key'),
  },
  { method: 'delete', path: '/api-keys/:id', summary: 'Delete an API key', status: 200, answer: deleted('api_key') },
]
