import * as z from 'zod'
import { ChangeAccountRequest, CreateAccountKeyRequest, CreateAccountRequest } from './accounts.ts'
import { CreateKeyRequest, RenameKeyRequest } from './api-keys.ts'
import { deleted, id, list, named, type Operation, time } from './operation.ts'

const ListedKey = z
  .object({
    id,
    name: z.string(),
    created_at: time,
    last_used_at: time.nullable(),
    permission: z.enum(['full_access', 'sending_access']),
    domain_id: id.nullable().describe('The only domain that the key may send from.'),
  })
  .meta({ id: 'ApiKey' })
const CreatedKey = z.object({ id, token: z.string() }).meta({ id: 'CreatedApiKey' })
const KeyList = list(ListedKey, 'ApiKeyList')
const DeletedKey = deleted('api_key').meta({ id: 'DeletedApiKey' })
/** The first account has an id that is no UUID. */
const accountId = z.string()

const Account = z.object({
  id: accountId,
  name: z.string(),
  created_at: time,
  content_days: z.int().optional().describe('Absent where it is as the server has it, as `event_days`.'),
  event_days: z.int().optional(),
})

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
    method: 'get',
    path: '/accounts',
    operationId: 'listAccounts',
    tag: 'Accounts',
    opens: 'operator token',
    summary: 'List accounts (operator)',
    status: 200,
    answer: list(Account.meta({ id: 'Account' }), 'AccountList'),
  },
  {
    method: 'patch',
    path: '/accounts/:id',
    operationId: 'changeAccount',
    tag: 'Accounts',
    opens: 'operator token',
    params: { id: accountId },
    summary: 'Change how long the mail of an account is kept (operator)',
    request: ChangeAccountRequest,
    status: 200,
    answer: Account.extend({ object: z.literal('account') }).meta({ id: 'ChangedAccount' }),
  },
  {
    method: 'get',
    path: '/accounts/:id/keys',
    operationId: 'listAccountKeys',
    tag: 'Accounts',
    opens: 'operator token',
    params: { id: accountId },
    summary: 'List the API keys of an account (operator)',
    status: 200,
    answer: KeyList,
  },
  {
    method: 'post',
    path: '/accounts/:id/keys',
    operationId: 'createAccountKey',
    tag: 'Accounts',
    opens: 'operator token',
    params: { id: accountId },
    errors: ['resource_locked'],
    summary: 'Make an API key of an account (operator)',
    request: CreateAccountKeyRequest,
    status: 201,
    answer: CreatedKey,
  },
  {
    method: 'delete',
    path: '/accounts/:id/keys/:key',
    operationId: 'deleteAccountKey',
    tag: 'Accounts',
    opens: 'operator token',
    params: { id: accountId, key: id },
    summary: 'Delete an API key of an account (operator)',
    status: 200,
    answer: DeletedKey,
  },
  {
    method: 'post',
    path: '/accounts/:id/resume',
    operationId: 'resumeAccount',
    tag: 'Accounts',
    opens: 'operator token',
    params: { id: accountId },
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
    answer: CreatedKey,
  },
  {
    method: 'get',
    path: '/api-keys',
    operationId: 'listApiKeys',
    tag: 'API keys',
    summary: 'List API keys, newest first; all of them without `limit`',
    status: 200,
    answer: KeyList,
    paged: 'both',
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
    answer: DeletedKey,
  },
]
