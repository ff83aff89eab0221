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
    operationId: 'createAccount',
    tag: 'Accounts',
    opens: 'operator token',
    errors: ['resource_locked'],
    summary: 'Make an account (operator)',
    request: CreateAccountRequest,
    status: 201,
    answer: z
      .object({ object: z.literal('account'), id, name: z.string(), token: z.string() })
      .meta({ id: 'CreatedAccount' }),
  },
  {
    method: 'post',
    path: '/accounts/:id/resume',
    operationId: 'resumeAccount',
    tag: 'Accounts',
    opens: 'operator token',
    params: { id: z.string() },
    summary: 'Let an account send again that paused itself (operator)',
    status: 200,
    answer: z.object({ object: z.literal('account'), id: z.string() }).meta({ id: 'AccountId' }),
  },
  {
    method: 'post',
    path: '/api-keys',
    operationId: 'createApiKey',
    tag: 'API keys',
    summary: 'Make an API key',
    request: CreateKeyRequest,
    status: 201,
    answer: z.object({ id, token: z.string() }).meta({ id: 'CreatedApiKey' }),
  },
  {
    method: 'get',
    path: '/api-keys',
    operationId: 'listApiKeys',
    tag: 'API keys',
    summary: 'List API keys',
    status: 200,
    answer: list(ListedKey.meta({ id: 'ApiKey' }), 'ApiKeyList'),
  },
  {
    method: 'patch',
    path: '/api-keys/:id',
    operationId: 'renameApiKey',
    tag: 'API keys',
    summary: 'Rename an API key',
    request: RenameKeyRequest,
    status: 200,
    answer: named('api_key').meta({ id: 'ApiKeyId' }),
  },
  {
    method: 'delete',
    path: '/api-keys/:id',
    operationId: 'deleteApiKey',
    tag: 'API keys',
    summary: 'Delete an API key',
    status: 200,
    answer: deleted('api_key').meta({ id: 'DeletedApiKey' }),
  },
]
