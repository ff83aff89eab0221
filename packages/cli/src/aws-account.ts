import { dynamoClient, dynamoTable } from '@kabutar/aws/dynamo/table.ts'
import { createAccount, ensureFirstAccount, FIRST_ACCOUNT } from '@kabutar/core/accounts/accounts.ts'
import { createKey, listKeys } from '@kabutar/core/accounts/keys.ts'
import { resumeAccount } from '@kabutar/core/accounts/reputation.ts'
import { claimDomain } from '@kabutar/core/domains/domains.ts'
import type { Table } from '@kabutar/core/ports/table.ts'
import { newCaches } from '@kabutar/core/store/cache.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { tableOf } from './aws-stage.ts'

type NewAccount = { readonly id: string; readonly token: string }

/**
 * Creates an account in the table of a stage; everybody who may write the table may do so. Answers the key, of which only the
 * SHA-256 is stored. Without a name it makes the first key of the first account.
 * @throws {Error} if the first account has a key already, or a domain belongs to another account
 */
export async function createStageAccount(
  stage: string,
  name: string | undefined,
  domains: readonly string[],
): Promise<NewAccount> {
  return onStage(stage, (table) => makeAccount(table, name, domains))
}

/** Ends the automatic pause of an account of a stage. @throws {Error} if it is not paused */
export async function resumeStageAccount(stage: string, id: string): Promise<void> {
  if (!(await onStage(stage, (table) => resumeAccount({ table, caches: newCaches(systemClock) }, id))))
    throw new Error(`there is no paused account ${id}`)
}

async function onStage<T>(stage: string, work: (table: Table) => Promise<T>): Promise<T> {
  const client = dynamoClient()
  try {
    return await work(dynamoTable(client, await tableOf(client, stage), systemClock))
  } finally {
    client.destroy()
  }
}

/** Creates an account in a table, as `createStageAccount` does. */
export async function makeAccount(
  table: Table,
  name: string | undefined,
  domains: readonly string[],
): Promise<NewAccount> {
  const ports = { table, clock: systemClock, ids: uuidIds(systemClock) }
  const id = name === undefined ? await firstAccount(ports) : (await createAccount(ports, name)).id
  for (const domain of domains) await claimDomain(ports, id, domain.toLowerCase())
  const { token } = await createKey(ports, id, { name: 'First key', permission: 'full_access' })
  return { id, token }
}

async function firstAccount(ports: { readonly table: Table; readonly clock: typeof systemClock }): Promise<string> {
  await ensureFirstAccount(ports)
  if ((await listKeys(ports.table, FIRST_ACCOUNT)).length > 0) {
    throw new Error(
      'the first account has a key already; make more with POST /api-keys, or give a NAME for another account',
    )
  }
  return FIRST_ACCOUNT
}
