/** Requests to the running server, and accounts through it. Requests have the operator's token, which proves who asks. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Permission } from '@kabutar/core/accounts/keys.ts'
import { UsageError } from '@kabutar/server/command-line.ts'
import { Agent, fetch } from 'undici'

export type NewAccount = { readonly id: string; readonly token: string }
type Operator = { readonly url: string; readonly token: string }

/** Nobody answers where the data folder says that its server listens. */
export class NoServerError extends Error {}

const noServer = (data: string) =>
  new NoServerError(
    `no server is running on the data folder ${data}; start it with "npm start" first, or name another with --data`,
  )

/** Reads the address and the token that the running server has left in its data folder, readable by its user alone. */
function operatorOf(data: string): Operator {
  try {
    return JSON.parse(readFileSync(join(data, 'operator.json'), 'utf8')) as Operator
  } catch {
    throw noServer(data)
  }
}

/**
 * Sends a request to the server that runs on a data folder. The connection stays on this machine: a certificate has the
 * public name of the server, not the address that it listens on, so it is not checked.
 * @throws {Error} with the server's message, or if no server is running
 */
export async function askServer<T>(
  data: string,
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: object,
): Promise<T> {
  const { url, token } = operatorOf(data)
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } })
  try {
    const response = await fetch(`${url}${path}`, {
      dispatcher,
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    })
    const answer = (await response.json()) as { readonly message?: string }
    if (!response.ok) throw new Error(answer.message ?? `the server answered ${response.status}`)
    return answer as T
  } catch (error) {
    // A server that was killed leaves its file behind.
    if (error instanceof TypeError) throw noServer(data)
    throw error
  } finally {
    await dispatcher.close()
  }
}

type ListedKey = {
  readonly id: string
  readonly name: string
  readonly created_at: string
  readonly last_used_at: string | null
}
type ListedAccount = {
  readonly id: string
  readonly name: string
  readonly created_at: string
  readonly content_days?: number
  readonly event_days?: number
}
/** 0 is for ever, `default` as the server has it. */
type Days = { readonly content_days?: number | 'default'; readonly event_days?: number | 'default' }

/** Carries out the commands, on a server or on a stage. */
export type Accounts = {
  list(): Promise<readonly ListedAccount[]>
  create(name: string | undefined, domains: readonly string[]): Promise<NewAccount>
  resume(id: string): Promise<void>
  retain(id: string, days: Days): Promise<void>
  listKeys(account: string): Promise<readonly ListedKey[]>
  createKey(
    account: string,
    key: { readonly name: string; readonly permission: Permission; readonly domain?: string },
  ): Promise<{ readonly id: string; readonly token: string }>
  deleteKey(account: string, id: string): Promise<void>
}

/** Accounts of the server that runs on a data folder. */
export function accountsOnServer(data: string): Accounts {
  const keys = (account: string) => `/accounts/${encodeURIComponent(account)}/keys`
  return {
    list: async () => (await askServer<{ data: ListedAccount[] }>(data, 'GET', '/accounts')).data,
    create(name, domains) {
      if (name === undefined) throw new UsageError('create needs a NAME; --help shows the usage')
      return askServer(data, 'POST', '/accounts', { name, domains })
    },
    resume: (id) => askServer(data, 'POST', `/accounts/${encodeURIComponent(id)}/resume`, {}),
    retain: (id, days) => askServer(data, 'PATCH', `/accounts/${encodeURIComponent(id)}`, days),
    listKeys: async (account) => (await askServer<{ data: ListedKey[] }>(data, 'GET', keys(account))).data,
    createKey: (account, key) => askServer(data, 'POST', keys(account), key),
    deleteKey: (account, id) => askServer(data, 'DELETE', `${keys(account)}/${encodeURIComponent(id)}`),
  }
}
